set "a" text:
one
two
;
