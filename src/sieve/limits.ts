/** Every limit of a script, by name. */

export interface Limits {
  /** Instructions of one run: each command and test is one, and long texts cost more. */
  readonly instructions: number;
  /** Includes within includes. */
  readonly nestedIncludes: number;
  readonly nestedBlocks: number;
  readonly nestedTests: number;
  /** Octets of a script. */
  readonly scriptSize: number;
  /** Octets of one string as it is written. */
  readonly stringSize: number;
  /** Characters of the value of a variable; longer ones are cut (RFC 5229 section 6). */
  readonly variableSize: number;
  /** Characters. */
  readonly variableName: number;
  readonly variables: number;
}

export const defaultLimits: Limits = {
  instructions: 1_048_576,
  nestedIncludes: 5,
  nestedBlocks: 50,
  nestedTests: 50,
  scriptSize: 1_048_576,
  stringSize: 1_048_576,
  variableSize: 65_536,
  variableName: 100,
  variables: 8192,
};
