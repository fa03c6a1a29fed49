/** The configuration that a running daemon serves by, asked of its http listener. */
import { request } from "node:http";
import { text } from "node:stream/consumers";
import { urlToHttpOptions } from "node:url";
import type { ComparedConfiguration } from "../config/docs/difference.ts";
import { parseToml } from "../config/syntax/toml.ts";
import { toData } from "../config/syntax/tree.ts";

/** Where it listens: `http://127.0.0.1:8080`, or `unix:` and the path of a socket; `undefined`: neither, but a file. */
export function daemonAddress(against: string): URL | string | undefined {
  if (against.startsWith("http://")) return new URL("/api/configuration", against);
  return against.startsWith("unix:") ? against.slice("unix:".length) : undefined;
}

const timeoutMs = 10_000;

/** Rejects with an Error that says what to do when there is no such answer. */
export async function runningConfiguration(address: URL | string): Promise<ComparedConfiguration> {
  const { text: toml } = JSON.parse(await ask(address)) as { readonly text: string };
  const parsed = parseToml(toml);
  if (parsed.kind === "error") throw new Error(`the daemon prints a configuration that cannot be read: ${parsed.message}`);
  return { document: toData(parsed.root), placeOf: () => undefined };
}

function ask(address: URL | string): Promise<string> {
  const where =
    typeof address === "string" ? { socketPath: address, path: "/api/configuration", host: "localhost" } : urlToHttpOptions(address);
  return new Promise((resolve, reject) => {
    const asked = request({ ...where, agent: false, timeout: timeoutMs }, (response) => {
      if (response.statusCode === 200) return resolve(text(response));
      response.resume();
      reject(new Error(`${String(address)} answers ${response.statusCode}. Give the address of an http listener that needs no token.`));
    });
    asked.on("timeout", () => asked.destroy(new Error(`${String(address)}: no answer in ${timeoutMs / 1000} s`)));
    asked.on("error", reject);
    asked.end();
  });
}
