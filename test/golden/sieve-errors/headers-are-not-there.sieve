if header :contains "subject" "offer" {
    discarrd;
}
