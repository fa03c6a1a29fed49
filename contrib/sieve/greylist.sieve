# RCPT stage: a client that writes to somebody for the first time is asked to come again.
require ["variables", "envelope", "reject", "vnd.stalwart.execute", "vnd.stalwart.expressions"];

set "triplet" "${env.remote_ip} ${envelope.from} ${envelope.to}";
let "due" "env.now - 300";              # first seen five minutes ago, or earlier
let "yesterday" "env.now - 86400";
let "forgotten" "env.now - 3024000";    # not seen for 35 days

if query "SELECT 1 FROM greylist WHERE triplet = ? AND first_seen <= ? AND last_seen >= ?" ["${triplet}", "${due}", "${forgotten}"] {
    # Written once a day, not with each message.
    query "UPDATE greylist SET last_seen = ? WHERE triplet = ? AND last_seen < ?" ["${env.now}", "${triplet}", "${yesterday}"];
    stop;
}

# Old rows go as new ones come, a hundred at most, so that no message waits long for it.
query "DELETE FROM greylist WHERE triplet IN (SELECT triplet FROM greylist WHERE last_seen < ? ORDER BY last_seen LIMIT 100)" ["${forgotten}"];
query "INSERT INTO greylist (triplet, first_seen, last_seen) VALUES (?, ?, ?) ON CONFLICT (triplet) DO UPDATE SET first_seen = CASE WHEN greylist.last_seen < ? THEN excluded.first_seen ELSE greylist.first_seen END, last_seen = excluded.last_seen"
    ["${triplet}", "${env.now}", "${env.now}", "${forgotten}"];
reject "450 4.7.1 Greylisted, please try again in a few minutes.";
