/** The page that asks for the token. It has no script, so that it works wherever a form does. */
import type { ServerResponse } from "node:http";
import { send } from "./exchange.ts";

export function loginPage(response: ServerResponse, status: 200 | 401): void {
  const wrong = status === 401 ? "<p role=alert>That is not the token.</p>" : "";
  send(
    response,
    status,
    "text/html; charset=utf-8",
    `<!doctype html>
<html lang=en>
<meta charset=utf-8>
<meta name=viewport content="width=device-width">
<meta name=color-scheme content="light dark">
<link rel=icon href=data:,>
<title>Postern</title>
<h1>Postern</h1>
${wrong}
<form method=post action=/login>
<label>Token, from the file that <code>token-file</code> names: <input type=password name=token autocomplete=current-password autofocus required></label>
<button>Log in</button>
</form>
</html>
`,
  );
}
