if envelope "from" :is "a@b.example" {
    keep;
}
