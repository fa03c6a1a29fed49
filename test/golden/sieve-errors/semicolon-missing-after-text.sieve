require ["variables", "reject", "include"];

if true {
    reject text:
Several lines
.
}
set "a" text: # a comment
..
.

# more
/* and
   more */
set "b" "two
lines"
if true {
    global ["a",
            "b"]
}
reject text:
at the end
.
