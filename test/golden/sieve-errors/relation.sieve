require "relational";
if string :value "gte" "a" "b" {
    keep;
}
if string :count "a" "1" {
    keep;
}
