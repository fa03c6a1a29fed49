set :lower :upper "a" "b";
set :lengh "a" "b";
