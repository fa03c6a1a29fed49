# RCPT stage: addresses that send, and take nothing but what tells them that their mail did not arrive.
require ["envelope", "extlists", "reject"];

if allof (envelope :list "to" "send-only", not envelope "from" "") {
    reject "550 5.7.1 This address only sends. Nobody reads what is sent to it.";
}
