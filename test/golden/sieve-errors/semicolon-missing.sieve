keep
set "a" "b"
discard;
