keep;
if tru {
    stop;
}
