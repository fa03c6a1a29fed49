set "sender" "${envelope.from}";
reject "550 5.7.1 ${sendr} and ${other} and ${1}, ${sendr}.";
global "shared";
set "b" "${shared}${global.other}";
stop
