if envelope :index 1 :is "from" "x" { keep; }
if envelope :last :is "from" "x" { keep; }
if header :index 1 :mime "a" :is "b" { keep; }
if envelope "from" :is :index 1 "x" { keep; }
