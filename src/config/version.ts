/** The version of the product, as its package says. */
import { readFileSync } from "node:fs";

// package.json stands above src/ and above dist/; it is ours, and has a version.
export const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { readonly version: string };
