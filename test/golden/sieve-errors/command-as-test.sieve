if keep {
    stop;
}
