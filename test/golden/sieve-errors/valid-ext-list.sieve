if valid_ext_list {
    keep;
}
if ihave {
    keep;
}
