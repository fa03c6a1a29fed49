/** What protects connections, each in a file of its own: passwords and tokens, certificates and their keys. */
import type { TlsSettings } from "../../store/store-settings.ts";
import { isSocket, type TlsMode } from "../schema/database-url.ts";
import type { KeyPath } from "../syntax/tree.ts";
import { type CompileContext, notUtf8, textOf } from "./context.ts";

/** How far a connection to `host` is protected, with what is in the files. */
export function tlsSettings(
  at: KeyPath,
  mode: TlsMode,
  host: string,
  files: Partial<Pems<string | undefined>>,
  context: CompileContext,
): TlsSettings {
  const { report } = context;
  const keys = "key" in files ? "ca, cert and key" : "ca";
  if (mode !== "disable" && isSocket(host))
    report.error([...at, "tls"], `is "${mode}", but a socket is on this machine, and has no TLS. Remove it, with ${keys}.`);
  if (mode !== "verify" && files.ca !== undefined)
    report.error([...at, "ca"], `is not used with tls = "${mode}", which checks no certificate. Write tls = "verify", or remove it.`);
  const read = pemsOf(at, files, context);
  return mode === "disable" ? { mode } : { mode, ...read };
}

type Pems<T> = Readonly<Record<"ca" | "cert" | "key", T>>;

/** What is in the files. */
export function pemsOf(at: KeyPath, files: Partial<Pems<string | undefined>>, context: CompileContext): Pems<string | undefined> {
  for (const [one, other] of [
    ["cert", "key"],
    ["key", "cert"],
  ] as const)
    if (files[one] !== undefined && files[other] === undefined)
      context.report.error([...at, one], `is of no use without ${other}. Add ${other}.`);
  const pem = (name: "ca" | "cert" | "key") => pemOf([...at, name], files[name], context);
  return { ca: pem("ca"), cert: pem("cert"), key: pem("key") };
}

function pemOf(path: KeyPath, file: string | undefined, context: CompileContext): string | undefined {
  const text = file === undefined ? undefined : textOf(path, file, context);
  if (text !== undefined && !text.includes("-----BEGIN ")) context.report.error(path, `${file} is not a file in PEM. Convert it.`);
  return text;
}

interface GivenPassword {
  readonly password: string | undefined;
  readonly file: string | undefined;
}

/** `key`: that of the password; that of the file is `key-file`. */
export function passwordOf(at: KeyPath, key: string, { password, file }: GivenPassword, context: CompileContext): string | undefined {
  if (file === undefined) {
    if (password !== undefined) context.report.warningIf([...at, key], unreplaced(password, key));
    return password;
  }
  const path: KeyPath = [...at, `${key}-file`];
  if (password !== undefined) context.report.error(path, `is given beside ${key}. Keep one of the two.`);
  return passwordIn(path, file, context);
}

/** As other programs have the names of variables of the environment in their files: `$NAME`, `${NAME}`, `%{env:NAME}%`. */
export function unreplaced(password: string, key: string): string | undefined {
  if (!/^(?:\$[A-Z_][A-Z\d_]*|\$\{[^}]*\}|%\{(?:env|file):[^}]*\}%)$/.test(password)) return undefined;
  return `the password is taken as it stands here, and nothing of the environment is put in its place. Write it into a file, and name that as ${key}-file.`;
}

/** None is longer. */
const maxPasswordOctets = 4096;

/** The first line of a file; `undefined`: it is none, which has been reported. */
export function passwordIn(path: KeyPath, file: string, context: CompileContext, secret = "password"): string | undefined {
  const { report } = context;
  const text = textOf(path, file, context, maxPasswordOctets, `Leave nothing but the ${secret} in it.`);
  if (text === undefined) return undefined;
  const [line = ""] = text.replace(/^\ufeff/, "").split(/\r?\n/);
  if (/[\0\ufffd]/.test(text)) report.error(path, `${file} ${notUtf8}`);
  else if (line === "") report.error(path, `the first line of ${file} is empty. Write the ${secret} there.`);
  else if (/\p{Cc}/u.test(line)) report.error(path, `the first line of ${file} has control characters. Remove them.`);
  else return line;
  return undefined;
}
