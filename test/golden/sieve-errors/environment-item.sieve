if string "${env.helo_domian}" "a" {
    keep;
}
set "a" "${env.country} ${env.asn}";
