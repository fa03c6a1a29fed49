/** The greylist in SQL from the documentation of RCPT scripts, word for word. */
export const sqlGreylist = `require ["variables", "vnd.stalwart.execute", "envelope", "reject"];

set "triplet" "\${env.remote_ip}.\${envelope.from}.\${envelope.to}";

if not query "SELECT 1 FROM greylist WHERE addr=? LIMIT 1" ["\${triplet}"] {
query "INSERT INTO greylist (addr) VALUES (?)" ["\${triplet}"];
reject "422 4.2.2 Greylisted, please try again in a few moments.";
}
`;
