if string :regex "a" "a(b" {
    keep;
}
if string :regex "a" "^(?=b)" {
    keep;
}
