# MAIL stage: how many messages a sender's domain may send on one day.
require ["variables", "envelope", "date", "reject", "vnd.stalwart.expressions"];

# The null sender has no domain.
if not envelope :domain :matches "from" "?*" {
    stop;
}
set "domain" "${0}";
let "limit" "key_get('sender-limits', domain)";
if eval "is_empty(limit)" {
    stop;
}

# One counter and one key for each domain that has a limit: they begin again with the day (UTC).
if currentdate :zone "+0000" :matches "date" "*" {
    set "today" "${0}";
}
let "counter" "'sent:' + domain";
let "day" "'sent-day:' + domain";
if eval "key_get('', day) != today" {
    eval "key_set('', day, today)";
    eval "counter_incr('', counter, -counter_get('', counter))";
}
if eval "counter_incr('', counter, 1) > limit" {
    reject "450 4.7.1 ${domain} has sent its ${limit} messages of today, please try again tomorrow.";
}
