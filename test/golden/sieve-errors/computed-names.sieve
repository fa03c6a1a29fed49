require ["${a}"];
set "a" "shared";
include "${a}";
query :use "${a}" "SELECT 1";
global "${a}";
if string :comparator "${a}" "x" "y" {
    keep;
}
if currentdate :zone "${a}" "month" "02" {
    keep;
}
