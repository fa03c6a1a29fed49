if size :over 1T {
    discard;
}
if size :over 1024KB {
    discard;
}
