require ["variables", "vnd.stalwart.expresions", "fileinto"];
