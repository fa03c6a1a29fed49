/** What a login names, in a store that may compare letters or not. */
import { canonicalLogin } from "../mail/address.ts";

/** Stores may have a name in letters of either case, and programs may have folded it before they gave it. */
export async function findNamed<T>(login: string, find: (name: string) => Promise<readonly T[]>): Promise<readonly T[]> {
  const asGiven = await find(login);
  const folded = canonicalLogin(login);
  return asGiven.length > 0 || folded === login ? asGiven : find(folded);
}
