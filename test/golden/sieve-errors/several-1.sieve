require ["variables", "relatonal"];

if enveloppe "from" "a@b.example" {
    rejekt "551 5.1.1 No.";
} elsif envelope :contain "form" ["a", "b"] {
    set "a-b" "${env.helo_domian}"
    discard;
}
reject "250 Welcome.";
if string :list "${envelope.from}" "blocked-domian" {
    stop
}
