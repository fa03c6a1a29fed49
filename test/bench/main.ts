/** All measurements, one after the other: `npm run bench`. */
import { benchLookup } from "./lookup.ts";
import { benchPolicy } from "./policy.ts";
import { benchState } from "./state.ts";

await benchPolicy();
console.log();
await benchLookup();
console.log();
await benchState();
