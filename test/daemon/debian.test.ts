/** The Debian package of contrib/debian. Building it, and what becomes of it in a Debian of its own, is long, and needs root. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, globSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import packageJson from "../../package.json" with { type: "json" };
import { logLine } from "../../src/daemon/log.ts";

const root = join(import.meta.dirname, "../..");
const debian = join(root, "contrib/debian");

it.each(["postinst", "prerm", "postrm", "postern"])("%s is a shell script", (name) => {
  expect(spawnSync("sh", ["-n", join(debian, name)], { encoding: "utf8" })).toMatchObject({ status: 0, stderr: "" });
});

it("has logcheck report warnings, and nothing less", () => {
  const fields = { time: "2026-11-29T16:00:00.000Z", event: "decision", helo: "level=warn" };
  const ignored = (level: string, format: "json" | "text") => {
    const input = `Nov 29 16:00:00 mx postern[7]: ${logLine(JSON.stringify({ level, ...fields }), format)}`;
    return spawnSync("grep", ["-qEf", join(debian, "logcheck")], { input }).status === 0;
  };
  for (const format of ["json", "text"] as const) {
    expect(["debug", "info", "warn", "error"].filter((level) => ignored(level, format))).toEqual(["debug", "info"]);
  }
});

describe.skipIf(!process.env.POSTERN_LONG || !existsSync("/usr/bin/dpkg-deb"))("the package", () => {
  let folder: string;
  let file: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "postern-debian-"));
    const maintainer = { DEBFULLNAME: "Postern", DEBEMAIL: "postern@posteo.net" };
    execFileSync(join(debian, "build"), [folder], { env: { ...process.env, ...maintainer, DPKG_DEB_COMPRESSOR_TYPE: "gzip" } });
    file = join(folder, readdirSync(folder).find((name) => name.startsWith(`postern_${packageJson.version}_`)) ?? "");
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it("has what it runs on, pages, and a configuration that is not for everybody", () => {
    const unpacked = join(folder, "unpacked");
    execFileSync("dpkg-deb", ["-R", file, unpacked]);
    const postern = (...words: readonly string[]) =>
      execFileSync(join(unpacked, "usr/lib/postern/node"), [join(unpacked, "usr/lib/postern/dist/main.js"), ...words], {
        encoding: "utf8",
      });
    expect(postern("--version")).toBe(`${packageJson.version}\n`);
    // By a package that is not in dist.
    expect(postern("eval", "matches('^(a+)$', 'aa')")).toBe("1\n");
    expect(statSync(join(unpacked, "etc/postern/postern.toml")).mode & 0o777).toBe(0o640);
    expect(readFileSync(join(unpacked, "DEBIAN/conffiles"), "utf8").split("\n")).toContain("/etc/postern/postern.toml");
    const page = (name: string) => execFileSync("gzip", ["-dc", join(unpacked, "usr/share/man", name)], { encoding: "utf8" });
    expect(page("man5/postern.toml.5.gz")).toContain("\\fBtrusted\\-networks\\fR");
    expect(page("man8/postern.8.gz")).toContain("postern greylist");
    const doc = join(unpacked, "usr/share/doc/postern/contrib");
    for (const each of globSync("**/*.md", { cwd: doc })) {
      for (const [, path = ""] of readFileSync(join(doc, each), "utf8").matchAll(/\]\(([^)#:]+)(?:#[^)]+)?\)/g))
        expect(existsSync(join(doc, dirname(each), path)), `${each}: ${path}`).toBe(true);
    }
  });

  it.skipIf(spawnSync("lintian", ["--version"]).status !== 0)("is clean to lintian", () => {
    expect(spawnSync("lintian", ["--allow-root", file], { encoding: "utf8" }).stdout).toBe("");
  });

  const canDebootstrap = process.getuid?.() === 0 && existsSync("/usr/sbin/debootstrap");
  const canBoot = canDebootstrap && spawnSync("systemd-nspawn", ["--version"]).status === 0;
  it.for([
    { life: "installs, serves, upgrades, is removed and purged on Debian 12", script: "debian-life.sh", can: canDebootstrap },
    {
      life: "serves under systemd, as the page of the first day has it, and after all that goes wrong",
      script: "unit-life.sh",
      can: canBoot,
    },
  ])("$life", ({ script, can }, context) => {
    context.skip(!can);
    const { status, stdout, stderr } = spawnSync(join(import.meta.dirname, "../support", script), [file, folder], { encoding: "utf8" });
    const ended = { status, last: stdout.trimEnd().split("\n").at(-1), stderr: status === 0 ? "" : stderr };
    expect(ended).toEqual({ status: 0, last: "done", stderr: "" });
  });
});
