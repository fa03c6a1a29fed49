/** What other load generators need: the directory that is measured, a configuration for each load, and policy requests. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { policyRequest } from "./dialogue.ts";
import { configurationOf, type DaemonChanges, makeDirectory } from "./server.ts";

const requests = 40_000;
const firstPort = 10_041;

const loads: Readonly<Record<string, DaemonChanges>> = {
  quiet: { protocol: "policy" },
  logged: { protocol: "policy", level: "info" },
  greylist: { protocol: "policy", level: "info", greylist: true },
  milter: { protocol: "milter" },
  "milter-greylist": { protocol: "milter", level: "info", greylist: true },
  socketmap: { protocol: "socketmap" },
};

/** Makes the folder, and prints the address of each configuration. One request in twenty is to an unknown recipient. */
export function writeFiles(folder: string): void {
  mkdirSync(folder);
  makeDirectory(folder);
  writeFileSync(join(folder, "requests.txt"), Buffer.concat(Array.from({ length: requests }, (_, number) => policyRequest(number, 1))));
  for (const [index, [name, changes]] of Object.entries(loads).entries()) {
    const own = join(folder, name);
    mkdirSync(own);
    writeFileSync(join(own, "postern.toml"), configurationOf(changes, own, firstPort + index));
    console.log(`${join(own, "postern.toml")}: 127.0.0.1:${firstPort + index}`);
  }
}
