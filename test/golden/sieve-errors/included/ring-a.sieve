include "ring-b";
