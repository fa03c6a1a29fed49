set "a" "one;
keep;
