keep;
elsif true {
    discard;
}
else {
    keep;
}
