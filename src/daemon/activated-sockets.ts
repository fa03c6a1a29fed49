/** Sockets that systemd opened before it started the daemon (sd_listen_fds(3)), by the addresses that `bind` gives them. */
import { readFileSync, readlinkSync } from "node:fs";
import { endianness } from "node:os";
import type { ListenAddress } from "../config/schema/values.ts";
import { canonicalIp } from "../mail/ip.ts";

export interface ActivatedSocket {
  readonly bind: ListenAddress;
  readonly descriptor: number;
}

/** SD_LISTEN_FDS_START */
const firstDescriptor = 3;

/** None unless systemd has passed some to this very process. */
export function activatedSockets({ LISTEN_PID, LISTEN_FDS }: NodeJS.ProcessEnv): readonly ActivatedSocket[] {
  const count = Number(LISTEN_PID) === process.pid ? Number(LISTEN_FDS) : 0;
  if (!(count > 0)) return [];
  // Node tells the address of a socket only when it accepts connections from it already.
  const addresses = new Map([...unixAddresses(), ...inetAddresses("tcp"), ...inetAddresses("tcp6")]);
  return Array.from({ length: count }, (_, index) => firstDescriptor + index).flatMap((descriptor) => {
    const [, inode = ""] = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${descriptor}`)) ?? [];
    const bind = addresses.get(inode);
    return bind === undefined ? [] : [{ bind, descriptor }];
  });
}

type ByInode = readonly (readonly [inode: string, address: ListenAddress])[];

/** proc_pid_net(5) */
function table(name: string): readonly string[] {
  return readFileSync(`/proc/self/net/${name}`, "utf8").split("\n").slice(1);
}

function unixAddresses(): ByInode {
  return table("unix").flatMap((line) => {
    const [, inode, path] = /^(?:\S+\s+){6}(\d+) (\/.*)$/.exec(line) ?? [];
    return inode === undefined || path === undefined ? [] : [[inode, { kind: "unix", path }]];
  });
}

function inetAddresses(name: "tcp" | "tcp6"): ByInode {
  return table(name).flatMap((line) => {
    const [, local = "", , , , , , , , inode] = line.trim().split(/\s+/);
    const [hexadecimal = "", port = ""] = local.split(":");
    const host = canonicalIp(ipText(Buffer.from(hexadecimal, "hex")));
    return inode === undefined || host === undefined ? [] : [[inode, { kind: "inet", host, port: Number.parseInt(port, 16) }]];
  });
}

/** The kernel writes an address as 32-bit numbers of the machine. */
function ipText(words: Buffer): string {
  const octets = endianness() === "LE" ? words.swap32() : words;
  return octets.length === 4 ? octets.join(".") : (octets.toString("hex").match(/.{4}/g) ?? []).join(":");
}
