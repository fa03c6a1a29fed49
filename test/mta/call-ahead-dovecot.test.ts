/** Dovecot's LMTP with quota as the server that is asked about recipients. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type OpenDirectory, openDirectory } from "../../src/directory/open-directory.ts";
import { Files } from "../../src/file/files.ts";
import { accepts } from "../support/daemon.ts";
import { freePorts, whyNo } from "../support/mta.ts";
import { patienceMs } from "../support/patience.ts";

const prefix = process.env.POSTERN_MTA_PREFIX ?? "/var/cache/postern-mta";
const nobody = 65_534;

/** It finds its programs and libraries below /usr only; nobody else sees them there. */
const layers = ["dovecot-lmtpd", "dovecot-core"].map((name) => `${prefix}/${name}/usr`);
const mount = `mount -t overlay overlay -o lowerdir=${layers.join(":")}:/usr /usr`;

/** Root of a container may not. */
const mayMount = () => spawnSync("unshare", ["-m", "sh", "-c", mount]).status === 0;

describe.skipIf(whyNo("Dovecot") !== undefined || !mayMount())("Dovecot as the inner server", async () => {
  const scratch = `/tmp/postern-dovecot-${process.pid}`;
  const [port = 0] = await freePorts(1);
  let dovecot: ChildProcess;
  let opened: OpenDirectory;

  beforeAll(async () => {
    const fullMailbox = join(scratch, "full");
    const folders = [scratch, ...["run", "state"].map((name) => join(scratch, name)), join(scratch, "john"), fullMailbox];
    for (const name of ["new", "cur", "tmp"]) folders.push(join(fullMailbox, name));
    for (const folder of folders) mkdirSync(folder, { recursive: true });
    chmodSync(scratch, 0o755);
    const message = join(fullMailbox, "new/1.M1.x,S=5000");
    writeFileSync(message, "x".repeat(5000));
    for (const path of [...folders.slice(3), message]) chownSync(path, nobody, nobody);
    const user = (name: string, quota: string) =>
      `${name}@example.org::${nobody}:${nobody}::${scratch}/${name}::userdb_quota_rule=*:bytes=${quota} userdb_mail=maildir:${scratch}/${name}\n`;
    writeFileSync(join(scratch, "users"), user("john", "1M") + user("full", "1K"));
    writeFileSync(
      join(scratch, "dovecot.conf"),
      `base_dir = ${scratch}/run
state_dir = ${scratch}/state
log_path = ${scratch}/log
protocols = lmtp
ssl = no
default_login_user = nobody
default_internal_user = nobody
default_internal_group = nogroup
passdb {
  driver = static
  args = nopassword=y
}
userdb {
  driver = passwd-file
  args = ${scratch}/users
}
mail_plugins = quota
plugin {
  quota = maildir:User quota
}
lmtp_rcpt_check_quota = yes
service lmtp {
  inet_listener lmtp {
    address = 127.0.0.1
    port = ${port}
  }
}
`,
    );
    const start = `LD_LIBRARY_PATH=/usr/lib/dovecot exec /usr/sbin/dovecot -F -c ${scratch}/dovecot.conf`;
    dovecot = spawn("unshare", ["-m", "sh", "-c", `${mount} && ${start}`], { stdio: "ignore" });
    await accepts({ host: "127.0.0.1", port }, dovecot);
    opened = openDirectory(
      {
        ...{ type: "lmtp", name: "inner", domains: ["example.org"], probe: "postern-probe-{random}", timeoutMs: patienceMs },
        cache: { entries: 0, positiveMs: 0, negativeMs: 0, staleMs: 0 },
        server: { protocol: "lmtp", host: "127.0.0.1", port, tls: { mode: "disable" }, ehlo: "mx.example" },
      },
      {
        ...{ store: () => expect.unreachable(), queries: () => expect.unreachable(), maxListMembers: 10_000, now: () => 0 },
        ...{
          files: new Files(
            () => 0,
            () => {},
          ),
          onAvailability: () => {},
          onTakesAll: () => {},
          onShortcoming: () => {},
        },
      },
    );
  });
  afterAll(async () => {
    opened?.close?.();
    if (dovecot?.exitCode === null) {
      const exit = once(dovecot, "exit");
      dovecot.kill();
      await exit;
    }
    rmSync(scratch, { recursive: true, force: true });
  });

  it("says who exists, and who has a full mailbox", async () => {
    const ask = async (address: string) => opened.directory.recipient(address);
    expect(await ask("john@example.org")).toEqual({ kind: "mailbox", primaries: ["john@example.org"] });
    expect(await ask("full@example.org")).toEqual({ kind: "mailbox", primaries: ["full@example.org"], state: "full" });
    expect(await ask("nobody@example.org")).toBeUndefined();
  });
});
