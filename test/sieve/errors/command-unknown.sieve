rejekt "No.";
