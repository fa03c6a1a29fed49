declare module "tr46" {
  interface Options {
    readonly checkHyphens?: boolean;
    readonly transitionalProcessing?: boolean;
    readonly useSTD3ASCIIRules?: boolean;
  }
  /** `null`: the name is not valid under the options given. */
  export function toASCII(domain: string, options?: Options): string | null;
}
