let "a" "query('', 'SELECT ' + env.helo_domain, [])";
eval "query('embeded', 'SELECT 1', [])";
eval "sql_query('', 'SELECT ?, ?', ['a'])";
let "b" "dns_query('example.org', 'mxx')";
