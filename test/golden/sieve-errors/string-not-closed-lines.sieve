set "a" "hello;
set "b" "x";
if string ["a, "b"] "c" { keep; }
if string "${a}" ["x,
    "y"] {
    reject "550 5.1.1 No.;
} elsif header :is "a" "b" { nosuch; }
reject "a
b";
