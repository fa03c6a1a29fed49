if string :comparator "i;ascii-casemapp" "a" "b" {
    keep;
}
if string :comparator "i;ascii-numeric" :contains "12" "1" {
    keep;
}
if string :comparator "i;unicode-casemap" "a" "b" {
    keep;
}
