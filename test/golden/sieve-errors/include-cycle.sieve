include "ring-a";
