let "a" "${env.helo_domain} + 1";
if eval "'${envelope.from}' == 'a'" {
    keep;
}
let "b" "env.helo-domain";
