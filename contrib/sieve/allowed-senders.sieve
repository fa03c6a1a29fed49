# RCPT stage: some recipients may be written to by some senders only.
require ["variables", "envelope", "subaddress", "extlists", "reject"];

# Without its detail, as board+x@example.org is delivered as board@example.org is.
if envelope :user :matches "to" "*" {
    set "user" "${1}";
}
if envelope :domain :matches "to" "*" {
    set "recipient" "${user}@${1}";
}

if allof (string :list "${recipient}" "closed-recipients", not string :list "${recipient} ${envelope.from}" "allowed-senders") {
    reject "550 5.7.1 You are not allowed to write to this address.";
}
