require "include";
set "a" "1";
global "a";
global "b c";
