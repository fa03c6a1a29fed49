if environment "helo_domian" "a" {
    keep;
}
if string :count "eq" "a" "one" {
    keep;
}
if header "subject" "a" {
    keep;
}
if exists "subject" {
    kepp;
}
