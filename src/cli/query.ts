/** `postern query`: asks a map, as `postmap -q` does. */
import { Command } from "commander";
import { TemporaryError } from "../answer/temporary-error.ts";
import type { Configuration } from "../config/configuration.ts";
import { withoutBrackets } from "../mail/path.ts";
import { smtpPort } from "../mail/port.ts";
import type { TraceEntry } from "../stage/core.ts";
import { askMap, isMap, type MapListener, mapNames } from "../stage/maps.ts";
import { cleanText } from "../text/controls.ts";
import {
  type ConfigurationOptions,
  configurationOption,
  exitConfiguration,
  exitTemporary,
  loadOrExplain,
  stateDirectoryOption,
  withCore,
} from "./configuration-option.ts";
import { helpText } from "./help-text.ts";

export function queryCommand(): Command {
  return new Command("query")
    .argument("<map>", `one of ${mapNames.join(", ")}`)
    .argument("<key>", "what the MTA would ask: an address, a domain, a client's address, an EHLO name")
    .addOption(configurationOption())
    .addOption(stateDirectoryOption())
    .addHelpText(
      "after",
      helpText(`
  recipients     the address, when mail for it is taken as local
  domains        the domain, when it is local
  aliases        where mail for an address goes, comma-separated, when that is elsewhere
  ehlo-keywords  the EHLO keywords that a client, by its address, is not to be offered
  helo           the reply that refuses an EHLO name
  srv_features   letters of Sendmail's ruleset for a client's address, also as srv_features:ADDRESS
  virtuser       for Sendmail's virtusertable: as aliases, if it is one address
  access         for Sendmail's access_db: srv_features, and nothing else
  lookup/NAME    the value of a key in [lookup.NAME], [lookup-file.NAME] or [lookup-sql.NAME]; of an address
                 also that of its base, its domain, .parent domains or local-part@

It is asked as the first socketmap listener of the configuration would ask. What a server was asked by SMTP or LMTP, and its reply,
goes to standard error.

Exit status: 0 found, 1 not found (nothing is printed), 75 temporarily unavailable, 2 no such map, 78 the configuration has errors.`),
    )
    .action(async (map: string, key: string, options: ConfigurationOptions) => {
      const configuration = loadOrExplain(options);
      if (configuration === undefined) {
        process.exitCode = exitConfiguration;
        return;
      }
      await withCore(configuration, true, async ({ core }) => {
        if (!isMap(map, core)) {
          process.stderr.write(`no map "${map}"; there are ${mapNames.join(", ")}\n`);
          process.exitCode = 2;
          return;
        }
        try {
          const trace = ({ step, said }: TraceEntry) => said !== undefined && process.stderr.write(`${step}: ${cleanText(said)}\n`);
          // Of the null sender `<>` is a key of its own.
          const asked = key.includes("@") ? withoutBrackets(key) : key;
          const value = await askMap(map, asked, { ...core, trace }, listenerOf(configuration));
          if (value === undefined) process.exitCode = 1;
          else if (value === "") throw new TemporaryError("the value is empty, which an MTA takes for an error");
          else process.stdout.write(`${value}\n`);
        } catch (error) {
          if (!(error instanceof TemporaryError)) throw error;
          process.stderr.write(`cannot tell: ${error.message}\n`);
          process.exitCode = exitTemporary;
        }
      });
    });
}

function listenerOf({ listeners, server }: Configuration): MapListener {
  const listener = listeners.find(({ protocol }) => protocol === "socketmap");
  const { contains } = listener?.trustedNetworks ?? server.trustedNetworks;
  return {
    name: listener?.name ?? "",
    localPort: listener?.localPort ?? smtpPort,
    isTrusted: (address) => contains(address),
    onLoop: (address) => process.stderr.write(`${address} leads back to itself\n`),
  };
}
