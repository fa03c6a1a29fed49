query :use "embeded" "SELECT 1";
execute :binary "/bin/true";
execute "SELECT 1";
