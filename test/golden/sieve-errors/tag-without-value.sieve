if string :comparator {
    keep;
}
set :replace "a" "b";
query :set "SELECT 1";
