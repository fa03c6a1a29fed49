include "sharred";
include :optional "nowhere";
