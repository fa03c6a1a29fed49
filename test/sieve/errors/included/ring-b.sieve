keep;
include "ring-a";
