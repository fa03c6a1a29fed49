/** All measurements, one after the other: `npm run bench`. */
import { benchLookup } from "./lookup.ts";
import { benchPolicy } from "./policy.ts";
import { benchSieve } from "./sieve.ts";
import { benchStartup } from "./startup.ts";
import { benchState } from "./state.ts";
import { benchStatePath } from "./state-path.ts";

await benchPolicy();
console.log();
await benchLookup();
console.log();
benchSieve();
console.log();
await benchState();
console.log();
await benchStatePath();
console.log();
await benchStartup();
