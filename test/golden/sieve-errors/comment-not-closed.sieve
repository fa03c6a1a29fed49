keep; /* and so on
discard;
