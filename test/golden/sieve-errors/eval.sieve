if eval "1 +" {
    keep;
}
let "a" "is_empy('x')";
let "b" "nothing + 1";
let "c" "env.helo_domian";
eval "count(1, 2)";
