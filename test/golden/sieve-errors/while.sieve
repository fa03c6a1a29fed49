while "1 == 1";
while {
    break;
}
while "i <" {
    break;
}
