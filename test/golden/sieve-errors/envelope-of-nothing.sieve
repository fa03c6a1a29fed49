if envelope {
    keep;
}
if not envelope :is :comparator "i;octet" :domain "to" {
    keep;
}
