stop "now";
set "a" "b" "c";
