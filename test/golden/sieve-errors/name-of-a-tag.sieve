if envelope : is "from" "a" {
    keep;
}
if envelope :9 "from" "a" {
    keep;
}
