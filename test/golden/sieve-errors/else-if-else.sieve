if true {
    keep;
} else if false {
    discard;
} else {
    keep;
}
