if not {
    keep;
}
if anyof true, false {
    keep;
}
if allof () {
    keep;
}
if not (true, false) {
    keep;
}
