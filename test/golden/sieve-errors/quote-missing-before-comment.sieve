reject "550 5.1.1 No.; # the quote is missing
keep;
reject "# is no comment here";
