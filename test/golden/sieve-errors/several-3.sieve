if not string [] "a" {
    while "x >" {
        let "y" "unknown_one(1)";
        set :lower :upper "y" "z";
    }
}
query "SELECT ? WHERE 1 = ${a}" ["b"];
redirect "a@b.example";
}
if string :comparator "i;octett" "a" "b" { stop; }
