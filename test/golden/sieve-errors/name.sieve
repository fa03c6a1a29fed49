set "a-b" "c";
set "1" "c";
set "" "c";
set "${a}" "c";
set "planet.earth" "c";
