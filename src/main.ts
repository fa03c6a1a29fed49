#!/usr/bin/env node
/** What is run: the command line, of which an older Node could not load a line. Whatever is here, any Node that has modules must understand. */
const needed = 24;
const { node } = process.versions;

if (Number.parseInt(node, 10) >= needed) await import("./cli/command-line.ts");
else {
  process.stderr.write(
    `postern needs Node ${needed} or later; this is ${node}. Install it (https://nodejs.org), or the Debian package, which has its own (contrib/debian).\n`,
  );
  process.exitCode = 1;
}

export {};
