if string :list "a" "blocked-domian" {
    keep;
}
