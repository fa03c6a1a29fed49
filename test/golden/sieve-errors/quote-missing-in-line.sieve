require ["variables", "reject"];

set "a "b";
if string "${a}" ["x", "y] {
    keep;
}
if anyof (string "a" "b, string "c" "d") { keep; }
if string "${a} ["x"] { keep; }
if not string "a" ["x", "y, "z"] { reject "(no)"; }
reject "two
lines that are closed";
reject "two
lines that are not;
reject " begins with a space";
reject "";
