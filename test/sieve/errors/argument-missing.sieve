if envelope "from" {
    discard;
}
