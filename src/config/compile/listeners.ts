/** `[listener.*]`: where the daemon is asked, and whether anybody can. */
import { canonicalIp, networks } from "../../mail/ip.ts";
import type { HttpSettings, ListenerSettings, Networks, SocketSettings } from "../configuration.ts";
import type { Normalised } from "../normalise.ts";
import { isThisMachine } from "../schema/database-url.ts";
import { formatListenAddress, isEveryAddress, isSamePort, type ListenAddress } from "../schema/values.ts";
import { onlyExpression } from "../syntax/rule-set.ts";
import type { KeyPath } from "../syntax/tree.ts";
import type { CompileContext } from "./context.ts";
import { passwordIn } from "./secrets.ts";

type ListenerTable = Normalised["listener"][string];
type Protocol = ListenerTable["protocol"];

const mta: readonly Protocol[] = ["policy", "milter", "socketmap"];

/** The protocols that a key is for. */
const keysOfSome: ReadonlyMap<keyof ListenerTable, readonly Protocol[]> = new Map([
  ["extensions", ["milter"]],
  ["rewrite", ["milter"]],
  ["local-port", mta],
  ["mode", mta],
  ["trusted-networks", mta],
  ["token-file", ["http"]],
  ["allowed-hosts", ["http"]],
]);

interface Listeners {
  readonly listeners: readonly ListenerSettings[];
  readonly httpListeners: readonly HttpSettings[];
}

export function compileListeners({ listener }: Normalised, context: CompileContext): Listeners {
  const { report } = context;
  const taken: Taken[] = [];
  const listeners: ListenerSettings[] = [];
  const httpListeners: HttpSettings[] = [];
  for (const [name, each] of Object.entries(listener)) {
    const { protocol } = each;
    const bind = each.bind.map(({ value }) => value);
    for (const [index, address] of bind.entries()) {
      const other = taken.find((one) => excludes(one.address, address));
      if (other !== undefined) report.error(["listener", name, "bind", index], takenBy(other, address));
      taken.push({ name, address });
    }
    for (const [key, protocols] of keysOfSome) {
      if (each[key] === undefined || protocols.includes(protocol)) continue;
      const whose = protocols === mta ? "listeners that an MTA asks" : protocols[0] === "milter" ? "a milter" : "an http listener";
      report.error(["listener", name, key], `is for ${whose}, and protocol is "${protocol}". Remove it.`);
    }
    const socket: SocketSettings = {
      ...{ name, bind, socketGroup: each["socket-group"], maxConnections: each["max-connections"] },
      socketMode: Number.parseInt(each["socket-mode"], 8),
    };
    if (each.protocol === "http") httpListeners.push({ ...socket, protocol: each.protocol, ...accessOf(socket, each, context) });
    else
      listeners.push({
        ...socket,
        protocol: each.protocol,
        localPort: each["local-port"],
        mode: each.mode,
        trustedNetworks: networksOf(each["trusted-networks"]),
        extensions: each.protocol === "milter" ? each.extensions : "observe",
        rewrite: each.protocol !== "milter" || each.rewrite,
      });
  }
  return { listeners, httpListeners };
}

/** Who listens there. */
interface Taken {
  readonly name: string;
  readonly address: ListenAddress;
}

/** The two cannot be bound together. */
function excludes(one: ListenAddress, other: ListenAddress): boolean {
  if (one.kind === "unix" && other.kind === "unix") return plainPath(one.path) === plainPath(other.path);
  return isSamePort(one, other);
}

/** Without `//` and `/./`; where `..` leads, links may say. */
const plainPath = (path: string) => path.replace(/(?:\/\.?)+(?=\/)/g, "");

function takenBy({ name, address }: Taken, other: ListenAddress): string {
  const [before, text] = [formatListenAddress(address), formatListenAddress(other)];
  const isWider = address.kind === "inet" && other.kind === "inet" && address.host !== other.host;
  if (!isWider) return `${text} is bound by the listener "${name}" already. Choose another one.`;
  const [whole, part] = isEveryAddress(address.host) ? [before, text] : [text, before];
  return `${whole} takes ${part}, too, and the listener "${name}" binds ${before} already. Leave one of them out, or choose another port.`;
}

/** A shorter one can be guessed. */
const minTokenLength = 16;

/** Without a token only who is on this machine may come. */
function accessOf(
  { name, bind }: SocketSettings,
  table: ListenerTable,
  context: CompileContext,
): Pick<HttpSettings, "token" | "allowedHosts"> {
  const { report } = context;
  const at: KeyPath = ["listener", name];
  const file = table["token-file"];
  const allowedHosts = (table["allowed-hosts"] ?? []).map((host) => host.toLowerCase());
  const token = file === undefined ? undefined : passwordIn([...at, "token-file"], file, context, "token");
  if (token !== undefined && !/^[\x21-\x7e]*$/.test(token))
    report.error(
      [...at, "token-file"],
      `the token in ${file} has spaces or letters beyond ASCII. Write one such as \`openssl rand -hex 32\` makes.`,
    );
  else if (token !== undefined && token.length < minTokenLength)
    report.error(
      [...at, "token-file"],
      `the token in ${file} has fewer than ${minTokenLength} characters, and could be guessed. Write one such as \`openssl rand -hex 32\` makes.`,
    );
  for (const [index, host] of allowedHosts.entries()) {
    if (/:\d*$/.test(host) && !host.endsWith("]") && canonicalIp(host) === undefined)
      report.error([...at, "allowed-hosts", index], `"${host}" has a port, which is not compared. Write the name alone.`);
  }
  if (file !== undefined) return { token, allowedHosts };
  const mend = "Add token-file, or let people come through ssh.";
  for (const [index, address] of bind.entries()) {
    if (address.kind === "unix" || isThisMachine(address.host)) continue;
    report.error(
      [...at, "bind", index],
      `${formatListenAddress(address)} can be reached from other machines, and everybody there could read who writes to whom. ${mend}`,
    );
  }
  const other = allowedHosts.findIndex((host) => !isThisMachine(host));
  if (other >= 0)
    report.error(
      [...at, "allowed-hosts", other],
      `"${allowedHosts[other]}" is for people who come from other machines, and nothing asks them for a token. ${mend}`,
    );
  return { token, allowedHosts };
}

export function networksOf(texts: readonly string[]): Networks {
  return { texts, contains: networks(texts) };
}

/** Somebody must be able to ask, and it must be known who exists. */
export function mustServe({ listener, session, storage }: Normalised, { names, report }: CompileContext): void {
  const [first] = Object.entries(listener).flatMap(([name, { protocol }]) => (protocol === "http" ? [] : [name]));
  const directory = onlyExpression(session.rcpt.directory);
  if (first === undefined) {
    // One that is there and wrong has been reported.
    if (report.problems.some(({ severity, key }) => severity === "error" && key.startsWith("listener"))) return;
    report.error(
      ["listener"],
      'there is no listener, so no MTA can ask. Add [listener.smtp] with protocol = "policy" and bind = ["127.0.0.1:10040"].',
    );
  } else if (names.directories.size === 0 && directory !== "false") {
    report.error(
      ["listener", first],
      'has no directory to ask, so every recipient would be foreign. Add a directory that knows who exists, or [directory.mta] with type = "mta" if the MTA itself decides on recipients and relaying.',
    );
  } else if (storage.directory === undefined && names.directories.size > 1 && /^(['"])\*?\1$/.test(directory ?? "")) {
    report.error(
      ["storage", "directory"],
      `is missing, and there are several directories: ${[...names.directories.keys()].join(", ")}. Name one, or set session.rcpt.directory.`,
    );
  }
}
