discard {
    keep;
}
