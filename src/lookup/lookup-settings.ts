/** What the configuration says of a named list. */
import type { Value } from "../expr/value.ts";

export interface LookupEntry {
  readonly key: string;
  readonly glob: boolean;
  /** 1 for the member of a set. */
  readonly value: Value;
}

export type LookupSettings =
  | { readonly type: "memory"; readonly name: string; readonly entries: readonly LookupEntry[] }
  | {
      readonly type: "file";
      readonly name: string;
      readonly path: string;
      readonly caseSensitive: boolean;
      /** There is a socketmap, whose MTA asks with other keys than rules. */
      readonly isAskedByMta: boolean;
    }
  | { readonly type: "sql"; readonly name: string; readonly store: string; readonly query: string };
