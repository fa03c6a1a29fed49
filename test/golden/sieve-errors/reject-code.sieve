reject "250 2.0.0 Welcome.";
reject "354 Go on.";
reject "550 4.2.2 Later.";
reject "";
