require ["variables", "reject"];

set "a" b";
if string ["a", b", "c"] "d" { reject No"; }
set c" "d";
