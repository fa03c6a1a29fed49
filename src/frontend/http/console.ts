/** The console: the files of its pages, as they are, and of the packages that they import. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { contentSecurityPolicy, send } from "./exchange.ts";

/** `index.html` has the names of the first five in its import map. */
const packages = {
  "preact.js": "preact",
  "preact-hooks.js": "preact/hooks",
  "htm.js": "htm",
  "htm-preact.js": "htm/preact",
  "uplot.js": "uplot/dist/uPlot.esm.js",
  "uplot.css": "uplot/dist/uPlot.min.css",
};

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};

interface Page {
  readonly type: string;
  readonly body: Buffer;
  /** Of the inline script. */
  readonly policy?: string;
}

let pages: ReadonlyMap<string, Page> | undefined;

/** Else the files are read when the first one is asked for. */
export function loadConsole(): void {
  pages ??= readPages();
}

/** Whether the console has a file of that path, and has sent it. */
export function sendConsole(path: string, response: ServerResponse): boolean {
  pages ??= readPages();
  const page = pages.get(path);
  if (page === undefined) return false;
  if (page.policy !== undefined) response.setHeader("content-security-policy", page.policy);
  send(response, 200, page.type, page.body);
  return true;
}

function readPages(): ReadonlyMap<string, Page> {
  const folder = fileURLToPath(new URL("console/", import.meta.url));
  const found = new Map<string, Page>();
  for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    const type = types[extname(name)];
    if (type !== undefined) found.set(`/${name}`, { type, body: readFileSync(join(folder, name)) });
  }
  for (const [name, specifier] of Object.entries(packages)) {
    const file = fileURLToPath(import.meta.resolve(specifier));
    found.set(`/vendor/${name}`, { type: types[extname(name)] ?? "", body: readFileSync(file) });
  }
  const index = readFileSync(join(folder, "index.html"));
  found.set("/", { type: types[".html"] ?? "", body: index, policy: contentSecurityPolicy([hashOfScript(index.toString())]) });
  found.delete("/index.html");
  return found;
}

/** Of the import map, the only inline script. */
function hashOfScript(html: string): string {
  const [, script = ""] = /<script type="importmap">(.*?)<\/script>/s.exec(html) ?? [];
  return `sha256-${createHash("sha256").update(script).digest("base64")}`;
}
