/** A configuration that was read, checked and compiled: what the daemon is made from. */
import { readFileSync } from "node:fs";

import type { DirectorySettings } from "../directory/directory-settings.ts";
import type { DnsSettings } from "../dns/dns.ts";
import type { Names } from "../expr/ask.ts";
import type { ExemptionSettings } from "../lookup/exemptions.ts";
import type { LookupSettings } from "../lookup/lookup-settings.ts";
import type { ScriptProblem, ScriptVocabulary } from "../sieve/script.ts";
import type { Settings } from "../stage/stage-settings.ts";
import type { StoreSettings } from "../store/store-settings.ts";
import type { Problem } from "./check/report.ts";
import type { Document } from "./schema/schema.ts";
import type { Bind } from "./schema/values.ts";

/** The version of the product, as its package says. It stands above src/ and above dist/, and has a version. */
export const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { readonly version: string };

/** `enforce`, or `shadow`: decide, log and count, but pass everything. */
export type Mode = "enforce" | "shadow";

export interface Networks {
  readonly texts: readonly string[];
  contains(address: string): boolean;
}

export interface ListenerSettings {
  readonly name: string;
  readonly protocol: "policy" | "milter" | "socketmap";
  readonly bind: readonly Bind[];
  /** As chmod takes it. */
  readonly socketMode: number;
  readonly socketGroup: string | undefined;
  /** `undefined`: what the MTA says, else 25. */
  readonly localPort: number | undefined;
  /** That of the server where the listener has none. */
  readonly mode: Mode;
  /** Those of the server where the listener has none. */
  readonly trustedNetworks: Networks;
  readonly maxConnections: number;
  /** Of a milter: whether parameters of extensions that are off are refused. */
  readonly extensions: "observe" | "enforce";
  /** Of a milter: whether it changes recipients and the sender. */
  readonly rewrite: boolean;
}

export interface Configuration {
  /** As it was named. */
  readonly file: string;
  /** What was read there. */
  readonly text: string;
  readonly server: {
    readonly hostname: string;
    /** Processes that serve; 0: one a core. */
    readonly workers: number;
    readonly mode: Mode;
    readonly stateDirectory: string;
    readonly trustedNetworks: Networks;
  };
  readonly log: { readonly level: "error" | "warn" | "info" | "debug"; readonly format: "json" | "text" };
  readonly listeners: readonly ListenerSettings[];
  /** Has `embedded` always. */
  readonly stores: ReadonlyMap<string, StoreSettings>;
  readonly directories: ReadonlyMap<string, DirectorySettings>;
  /** Names; `directory` undefined: `''` and `'*'` mean none. */
  readonly storage: { readonly directory: string | undefined; readonly data: string; readonly state: string };
  readonly lookups: ReadonlyMap<string, LookupSettings>;
  readonly dns: DnsSettings;
  readonly settings: Settings;
  /** Whom the greylist exempts. */
  readonly exemptions: ExemptionSettings;
  /** Replies held back at once, over all sessions. */
  readonly maxWaiting: number;
  readonly names: Names;
  /** What a further script is compiled against. */
  readonly scriptVocabulary: ScriptVocabulary;
  /** What is wrong with a script, where it stands. */
  readonly problemInScript: (problem: ScriptProblem) => Problem;
  /** All of it in the words of the file, with defaults and absolute paths, for `check --print`. */
  readonly document: Document;
}
