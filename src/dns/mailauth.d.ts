declare module "mailauth/lib/spf/spf-verify.js" {
  /** Addresses and names as text, TXT as the pieces of each record. What is thrown may have an `spfResult`. */
  export type SpfResolver = (name: string, type: string) => Promise<readonly SpfRecord[]>;
  export type SpfRecord = string | readonly string[] | { readonly exchange: string; readonly priority: number };

  export interface SpfOptions {
    readonly sender: string;
    readonly ip: string;
    readonly helo: string;
    readonly strict: boolean;
    readonly resolver: SpfResolver;
    /** For the addresses of the hosts of one `mx` or `ptr`. */
    readonly createSubResolver: () => SpfResolver;
    /** For explanations (RFC 7208 section 6.2). */
    readonly expResolver: SpfResolver;
  }

  export interface SpfMatch {
    /** Of the term that matched; absent where none did. */
    readonly type?: string;
    readonly val?: string;
    readonly include?: SpfMatch;
    readonly qualifier?: "+" | "-" | "~" | "?";
    /** In place of a match. */
    readonly error?: SpfError;
    readonly text?: string;
  }

  export type SpfError = "none" | "permerror" | "temperror";

  /** Rejects with an error whose `spfResult` is the `SpfMatch`. */
  export function spfVerify(domain: string, options: SpfOptions): Promise<SpfMatch | false>;
}
