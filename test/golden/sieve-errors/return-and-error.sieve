return "now";
error;
error "one" "two";
