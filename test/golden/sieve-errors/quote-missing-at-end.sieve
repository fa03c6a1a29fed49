reject "a";
reject "no semicolon either
