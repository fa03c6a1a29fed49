if currentdate :zone "CET" "year" "2024" {
    keep;
}
if currentdate "yaer" "2024" {
    keep;
}
