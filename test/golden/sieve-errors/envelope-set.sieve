set "envelope.too" "a@b.example";
set "env.helo_domain" "a";
