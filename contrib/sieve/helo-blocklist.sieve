# EHLO stage: names that may not greet us.
require ["variables", "environment", "extlists", "reject"];

if environment :list "helo_domain" "blocked-domain" {
    reject "551 5.1.1 Sending domain '${env.helo_domain}' has been blocklisted.";
}
