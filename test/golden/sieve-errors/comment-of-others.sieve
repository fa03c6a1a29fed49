// A comment; keep;
keep;
-- another one: 'keep'
keep;
