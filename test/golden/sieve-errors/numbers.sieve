if size :over -1 {
    keep;
}
if size :over 1.5 {
    keep;
}
