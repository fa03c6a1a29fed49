keep;
require "variables";
