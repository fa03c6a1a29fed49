# harness: capabilities are checked
if envelope :regex "from" "^a" {
    reject "no";
}
