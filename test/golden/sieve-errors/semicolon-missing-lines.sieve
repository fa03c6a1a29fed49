keep
# a comment
if true {
    discard /* another */

    stop
}
set "a"
    "b"
