# harness: small scripts
keep;
