if true; {
    keep;
}
else {
    kepp;
}
