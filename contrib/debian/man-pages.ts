/** Writes postern.toml(5), made from the reference, and postern(8), made from what `--help` says, into a folder of man pages: man-pages.ts dist/main.js FOLDER */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import packageJson from "../../package.json" with { type: "json" };

const root = join(import.meta.dirname, "../..");
const special: Readonly<Record<string, string>> = {
  "\\": "\\e",
  "-": "\\-",
  "'": "\\(aq",
  "^": "\\(ha",
  "~": "\\(ti",
  "&lt;": "<",
  "&gt;": ">",
};

const [, , program = "", folder = "."] = process.argv;
const reference = readFileSync(join(root, "contrib/reference.md"), "utf8");
const keys = reference
  .replace(/^# .*\n\nMade from the schema; do not edit. /, "")
  .replaceAll(/^## /gm, "### ")
  .replace("### ", "## KEYS\n\n### ");
writePage("postern.toml", 5, "the configuration of Postern", `## DESCRIPTION\n\n${keys}\n\n## SEE ALSO\n\n\`postern\`(8)`);
writePage("postern", 8, "EHLO and RCPT decisions for Postfix, Sendmail and other MTAs", commandPage());

function commandPage(): string {
  const page = readFileSync(join(import.meta.dirname, "postern.8.md"), "utf8");
  const [, list = ""] = /^Commands:\n((?:.+\n)+)/m.exec(help()) ?? [];
  const commands = [...list.matchAll(/^ {2}([\w-]+)/gm)].map(([, name = ""]) => name).filter((name) => name !== "help");
  const sections = commands.map((command) => `### postern ${command}\n\n${indented(help(command))}`);
  return page.replace("@COMMANDS@", () => sections.join("\n\n"));
}

function help(...command: readonly string[]): string {
  return execFileSync(process.execPath, [program, ...command, "--help"], { encoding: "utf8" });
}

function indented(text: string): string {
  return text.trimEnd().replaceAll(/^/gm, "    ");
}

function writePage(name: string, section: number, summary: string, markdown: string): void {
  const head = `.TH ${name.toUpperCase()} ${section} "" "postern ${packageJson.version}" Postern\n.SH NAME\n${escaped(name)} \\- ${escaped(summary)}\n`;
  writeFileSync(join(folder, `man${section}`, `${name}.${section}`), head + roff(markdown));
}

/** Headings, paragraphs, lists, indented text and the tables of the reference. */
function roff(markdown: string): string {
  return markdown
    .split(/\n{2,}/)
    .map((block) => block.replace(/^\n+|\n+$/g, ""))
    .map((block) => {
      if (block.startsWith("    "))
        return `.IP\n.nf\n${block
          .replaceAll(/^ {4}/gm, "")
          .split("\n")
          .map((each) => guarded(escaped(each)))
          .join("\n")}\n.fi\n`;
      if (block.startsWith("## ")) return `.SH ${quoted(block.slice(3))}\n`;
      if (block.startsWith("### ")) return `.SS ${quoted(block.slice(4))}\n`;
      if (block.startsWith("|")) return block.split("\n").slice(2).map(key).join("");
      if (block.startsWith("- "))
        return block
          .split(/^- /m)
          .slice(1)
          .map((item) => `.IP \\(bu 2\n${inline(item)}\n`)
          .join("");
      return `.PP\n${inline(block)}\n`;
    })
    .join("");
}

function key(row: string): string {
  const [, name = "", meaning = "", type = "", fallback = ""] = row.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll("\\|", "|"));
  const rest = fallback === "*required*" ? `${type}, required` : `${type}; default: ${fallback}`;
  return `.TP\n${inline(name)} (${inline(rest)})\n${inline(meaning)}\n`;
}

function inline(text: string): string {
  const parts = text
    .replaceAll(/\s*\n\s*/g, " ")
    .trim()
    .split(/(`[^`]+`|\*[^*`]+\*)/);
  const typeset = parts.map((part) => {
    if (/^`.+`$/.test(part)) return `\\fB${escaped(part.slice(1, -1))}\\fR`;
    if (/^\*.+\*$/.test(part)) return `\\fI${escaped(part.slice(1, -1))}\\fR`;
    return escaped(part.replaceAll(/\[([^\]]+)\]\([^)]+\)/g, "$1"));
  });
  return guarded(typeset.join(""));
}

function quoted(text: string): string {
  return `"${escaped(text.replaceAll("`", "")).replaceAll('"', "\\(dq")}"`;
}

function escaped(text: string): string {
  return text.replaceAll(/[\\\-'^~]|&[lg]t;/g, (match) => special[match] ?? match);
}

/** A line that begins with a point would be a command. */
function guarded(line: string): string {
  return line.startsWith(".") ? `\\&${line}` : line;
}
