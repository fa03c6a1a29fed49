keep :copy;
if string :over "a" "b" {
    keep;
}
