if true {
    keep;
}
}
keep;
