if envelope "from" [] {
    keep;
}
