/** All measurements, one after the other: `npm run bench`. */
import { benchLookup } from "./lookup.ts";
import { benchPolicy } from "./policy.ts";

await benchPolicy();
console.log();
await benchLookup();
