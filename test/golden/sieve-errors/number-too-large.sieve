if size :over 99999999999999999999 {
    discard;
}
if size :over 9007199254740991G {
    discard;
}
