if envelope "from" ["a@b.example" "c@d.example"] {
    keep;
}
