if "a" {
    keep;
}
elsif :is "a" {
    keep;
}
if not 5 {
    keep;
}
if anyof "a" {
    keep;
}
