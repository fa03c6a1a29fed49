redirect "a@b.example";
fileinto "Spam";
vacation "Away.";
addheader "X-Spam" "yes";
deleteheader "X-Spam";
addflag "\\Seen";
notify "mailto:a@b.example";
