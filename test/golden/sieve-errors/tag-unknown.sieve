if envelope :contain "from" "a" {
    keep;
}
