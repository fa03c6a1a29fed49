if envelope "form" "a@b.example" {
    keep;
}
if envelope :domain "envid" "a" {
    keep;
}
