/** The page that asks for the token. It has no script, so that it works wherever a form does. */
import type { ServerResponse } from "node:http";
import { send } from "./exchange.ts";

export const loginStyle = `:root { color-scheme: light dark; font: 16px / 1.5 system-ui, sans-serif; --accent: #0b6b83; }
@media (prefers-color-scheme: dark) { :root { --accent: #5cc4dd; } }
body { max-width: 22rem; margin: 18vh auto 0; padding: 0 1rem; }
h1 { font-size: 1.45rem; margin: 0 0 1rem; }
[role=alert] { border-left: 3px solid; padding-left: 0.6rem; }
input, button { display: block; box-sizing: border-box; width: 100%; margin-top: 0.6rem; padding: 0.5rem; font: inherit; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
`;

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
<link rel=stylesheet href=/login.css>
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
