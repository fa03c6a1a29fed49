require "encoded-character";
set "a" "${unicode:110000}";
set "b" "${unicode:DFFF}";
