if true {
    keep;
} else if false {
    discard;
}
