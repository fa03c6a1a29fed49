keep;
set "a" "[31m${env.}" "b";
if environment "[2J" "x" {}
if string :list "a" "[2J" {}
