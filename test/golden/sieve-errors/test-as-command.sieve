envelope "from" "a@b.example";
true;
