keep; `
set "a" %;
keep ? ;
