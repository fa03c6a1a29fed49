if string :is :contains "a" "b" {
    keep;
}
if envelope :domain :localpart "from" "b" {
    keep;
}
