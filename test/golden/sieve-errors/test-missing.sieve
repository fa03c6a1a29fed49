if {
    keep;
}
elsif "a" {
    keep;
}
