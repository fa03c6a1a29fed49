set "a" "one" "two";
if size :over 1T {
    keep "a";
}
if allof (true, flase, envelope "form" "x") {
    if string :regex "a" "(" {
        include "sharred";
    }
    break;
}
else if true {
    keep;
}
