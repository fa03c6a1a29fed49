reject 'no';
set “a” "b";
