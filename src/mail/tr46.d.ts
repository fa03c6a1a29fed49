declare module "tr46" {
  interface IdnaOptions {
    readonly checkHyphens?: boolean;
    readonly transitionalProcessing?: boolean;
    readonly useSTD3ASCIIRules?: boolean;
  }
  /** `null`: the name is not valid under the options given. */
  export function toASCII(domain: string, options?: IdnaOptions): string | null;
}
