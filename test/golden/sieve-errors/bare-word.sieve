require variables;
set name "value";
let count "1";
include shared;
query SELECT 1;
while true {
    break;
}
if string is "a" "b" {
    keep;
}
if envelope "from" [blocked] {
    keep;
}
