if envelope "from" == "a@b.example" || true {
    keep;
}
set "a" = "b";
if size > 10K {
    keep;
}
