if true {
    break;
}
continue;
