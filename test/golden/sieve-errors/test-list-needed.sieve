if anyof {
    keep;
}
if allof true {
    keep;
}
