if enveloppe "from" "a@b.example" {
    discard;
}
