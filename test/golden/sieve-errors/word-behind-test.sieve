if true and false {
    keep;
}
if true or false {
    keep;
}
if true then {
    keep;
}
if true
    keep;
if anyof (true false) {
    keep;
}
if true nonsense {
    keep;
}
if (true) {
    keep;
} else true {
    keep;
}
if true {
    keep;
} else keep;
