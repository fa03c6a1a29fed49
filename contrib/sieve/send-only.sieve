# RCPT stage: addresses that send, and take nothing but what tells them that their mail did not arrive.
require ["variables", "envelope", "subaddress", "extlists", "reject"];

# Without its detail, as noreply+x@example.org is delivered as noreply@example.org is.
if envelope :user :matches "to" "*" {
    set "user" "${1}";
}
if envelope :domain :matches "to" "*" {
    set "recipient" "${user}@${1}";
}

if allof (string :list "${recipient}" "send-only", not envelope "from" "") {
    reject "550 5.7.1 This address only sends. Nobody reads what is sent to it.";
}
