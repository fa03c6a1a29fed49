/** A real browser for the tests of pages: Debian's Chromium, installed if possible. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import puppeteer, { type Browser } from "puppeteer-core";
import { patienceMs } from "./patience.ts";

const chromium = "/usr/bin/chromium";

/**
 * Why the tests with a browser cannot run here; `undefined`: they can. On Debian as root it is installed, with a font.
 * Throws instead where tests must not be skipped (CI, POSTERN_REQUIRE_MTA).
 */
export function whyNoBrowser(): string | undefined {
  const reason = reasonAgainst();
  if (reason === undefined) return undefined;
  if (process.env.CI || process.env.POSTERN_REQUIRE_MTA) throw new Error(reason);
  console.warn(`Skipped: ${reason}`);
  return reason;
}

function reasonAgainst(): string | undefined {
  if (existsSync(chromium)) return undefined;
  if (process.getuid?.() !== 0 || !existsSync("/etc/debian_version"))
    return `the tests of pages need ${chromium}; as root on Debian they install it`;
  const apt = "apt-get -qq -o Acquire::Retries=3 -o DPkg::Lock::Timeout=60";
  // The tests with MTAs install their packages under the same lock.
  const script = `exec 9> /tmp/postern-mta-install.lock; flock 9; ${apt} update && ${apt} install --no-install-recommends chromium fonts-liberation`;
  const { status, stderr } = spawnSync("bash", ["-c", script], {
    encoding: "utf8",
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
  });
  return status === 0 ? undefined : `Chromium could not be installed: ${stderr.trim()}`;
}

/** It finds nothing but this machine. */
export function startBrowser(): Promise<Browser> {
  return puppeteer.launch({
    executablePath: chromium,
    protocolTimeout: patienceMs,
    timeout: patienceMs,
    args: [
      ...["--disable-gpu", "--disable-dev-shm-usage", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--lang=en-GB"],
      ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
    ],
  });
}
