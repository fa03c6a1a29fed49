if size :over "1024" {
    discard;
}
if envelope "from" 5 {
    discard;
}
set "a" ["b", "c"];
reject 550;
