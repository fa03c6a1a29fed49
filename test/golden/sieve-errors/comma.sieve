reject "550 5.7.1 No.", "Why not?";
if envelope "from", "a@b.example" {
    keep;
}
if envelope "from" "a@b.example" "c@d.example" {
    keep;
}
require "envelope, reject";
