/** `postern eval`: one expression or rule set, with the variables that are given. */
import { Command } from "commander";
import { z } from "zod";
import { TemporaryError } from "../answer/temporary-error.ts";
import type { Configuration } from "../config/configuration.ts";
import { readRules } from "../config/syntax/rule-set.ts";
import { keyOf } from "../config/syntax/tree.ts";
import { compileRules } from "../expr/compile.ts";
import type { RuleSetSource } from "../expr/expression.ts";
import { isArray, toText, type Value } from "../expr/value.ts";
import type { Core } from "../stage/core.ts";
import { type Place, placesIn } from "../text/place.ts";
import {
  type ConfigurationOptions,
  configurationOption,
  exitTemporary,
  loadOrEmpty,
  stateDirectoryOption,
  withCore,
} from "./configuration-option.ts";
import { misspelt, parseAssignment, type VariableSettings, vocabularyOf } from "./eval-vocabulary.ts";
import { helpText } from "./help-text.ts";
import { linesOf } from "./lines.ts";

interface EvalOptions extends ConfigurationOptions {
  readonly set: readonly string[];
  readonly json?: boolean;
  readonly stdin?: boolean;
}

type Evaluated = { readonly value: unknown } | { readonly error: { readonly message: string } & Partial<Place> };

export function evalCommand(): Command {
  return new Command("eval")
    .argument("[expression]", "such as \"matches('^([^.]+)@(.+)$', rcpt)\"")
    .addOption(configurationOption())
    .addOption(stateDirectoryOption())
    .option(
      "--set <name=value>",
      "a variable; may be repeated. Those that are not set are empty, or derived from sender and rcpt",
      (value, previous: readonly string[]) => [...previous, value],
      [],
    )
    .option("--json", 'print {"value": …} or {"error": {"message", "line", "column"}}')
    .option("--stdin", 'read {"expr" or "rules", "set"} a line from standard input; answers are JSON')
    .addHelpText(
      "after",
      helpText(`
Examples:
  postern eval "1 + 2 * 3"
  postern eval "is_ip_in_cidr(remote_ip, '192.0.2.0/24')" --set remote_ip=192.0.2.7
  echo '{"rules":[{"if":"is_tls","then":1},{"else":2}],"set":{"is_tls":1}}' |
      postern eval --stdin

The changes that functions such as key_set make are real.
Exit status: 0 a value, 1 an error, 75 a source is unavailable now; with --stdin 0, as each answer says whether it is an error.`),
    )
    .action(async (expression: string | undefined, options: EvalOptions) => {
      const configuration = loadOrEmpty(options);
      if (configuration === undefined) {
        process.exitCode = 1;
        return;
      }
      await withCore(configuration, false, async ({ core }) => {
        if (options.stdin) {
          for await (const line of linesOf(process.stdin))
            process.stdout.write(`${JSON.stringify(await onTemporary(evaluateLine(line, configuration, core)))}\n`);
        } else if (expression === undefined) {
          process.stderr.write("give an expression, or --stdin\n");
          process.exitCode = 2;
        } else {
          const outcome = await onTemporary(evaluateOne(expression, options.set, configuration, core), () => {
            process.exitCode = exitTemporary;
          });
          print(outcome, options);
        }
      });
    });
}

function print(outcome: Evaluated, { json }: EvalOptions): void {
  if ("error" in outcome && process.exitCode === undefined) process.exitCode = 1;
  if (json) {
    process.stdout.write(`${JSON.stringify(outcome)}\n`);
  } else if ("value" in outcome) {
    process.stdout.write(`${typeof outcome.value === "string" ? outcome.value : JSON.stringify(outcome.value)}\n`);
  } else {
    const { line, column, message } = outcome.error;
    process.stderr.write(`${line === undefined ? "" : `${line}:${column}: `}${message}\n`);
  }
}

async function evaluateOne(
  expression: string,
  assignments: readonly string[],
  configuration: Configuration,
  core: Core,
): Promise<Evaluated> {
  const set = new Map<string, Value>();
  for (const text of assignments) {
    const assignment = parseAssignment(text);
    if (assignment === undefined) return failure(`"${text}" is not NAME=VALUE, or the value does not fit the variable`);
    set.set(...assignment);
  }
  return evaluate({ rules: [], else: expression }, set, configuration, core, misspelt);
}

const value: z.ZodType<Value> = z.lazy(() =>
  z.union([z.string(), z.number(), z.boolean().transform((truth) => (truth ? 1 : 0)), z.null().transform(() => ""), z.array(value)]),
);
const lineSchema = z.union([
  z.strictObject({ expr: z.union([z.string(), z.number(), z.boolean()]).transform(String), set: z.record(z.string(), value).optional() }),
  z.strictObject({ rules: z.unknown(), set: z.record(z.string(), value).optional() }),
]);

async function evaluateLine(text: string, configuration: Configuration, core: Core): Promise<Evaluated> {
  let line: z.infer<typeof lineSchema>;
  try {
    line = lineSchema.parse(JSON.parse(text));
  } catch (error) {
    if (error instanceof z.ZodError) return failure('a line is {"expr": "…", "set": {…}} or {"rules": …, "set": {…}}');
    if (error instanceof SyntaxError) return failure(error.message);
    throw error;
  }
  const set = new Map(Object.entries(line.set ?? {}));
  if ("expr" in line) return evaluate({ rules: [], else: line.expr }, set, configuration, core);
  const rules = readRules(line.rules);
  const [problem] = rules.problems;
  if (problem === undefined) return evaluate(rules, set, configuration, core);
  return failure(`${problem.path.reduce<string>(keyOf, "") || "the rule set"} ${problem.message}`);
}

/** `wrong`: what is wrong with what was set, by the variables that are used. */
async function evaluate(
  source: RuleSetSource,
  set: VariableSettings,
  { names }: Configuration,
  core: Core,
  wrong: (set: VariableSettings, used: ReadonlySet<string>) => string | undefined = () => undefined,
): Promise<Evaluated> {
  const errors: Evaluated[] = [];
  const rules = compileRules(source, vocabularyOf(set, names), (part, { message, offset }) => {
    const text = part.part === "else" ? source.else : (source.rules[part.index]?.[part.part] ?? "");
    errors.push({ error: { message, ...placesIn(text)(offset) } });
  });
  const [error] = errors;
  if (rules === undefined || error !== undefined) return error ?? failure("it does not compile");
  const problem = wrong(set, rules.variables);
  if (problem !== undefined) return failure(problem);
  return { value: plain(await rules.evaluate(set, core.sources.ask)) };
}

async function onTemporary(outcome: Promise<Evaluated>, onTemporary?: () => void): Promise<Evaluated> {
  try {
    return await outcome;
  } catch (cause) {
    if (!(cause instanceof TemporaryError)) throw cause;
    onTemporary?.();
    return failure(cause.message);
  }
}

function failure(message: string): Evaluated {
  return { error: { message } };
}

function plain(result: Value): unknown {
  if (isArray(result)) return result.map(plain);
  return typeof result === "object" ? toText(result) : result;
}
