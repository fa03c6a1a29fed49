# harness: small limits
set "abcdefghijk" "1";
set "a" "1";
set "b" "1";
set "c" "1";
if true { if true { if true { keep; } } }
if not not not not true { keep; }
set "a" "01234567890123456789012345678901234567890123456789";
