/** Decisions as the daemon has logged them: lines of JSON or text, as they are or as the journal prints or exports them. */
import { z } from "zod";

const text = z.string().default("");

const decision = z.object({
  event: z.literal("decision"),
  listener: text,
  stage: z.enum(["connect", "ehlo", "mail", "rcpt", "vrfy", "expn"]),
  client: text,
  clientName: text,
  clientPort: z.coerce.number().default(0),
  serverPort: z.coerce.number().default(0),
  helo: text,
  tls: z.union([z.boolean(), z.stringbool()]).default(false),
  auth: text,
  sender: text,
  recipient: text,
  verdict: z.enum(["pass", "reject", "defer", "disconnect"]),
  reason: z.string(),
  would: z.enum(["reject", "defer", "disconnect"]).optional(),
});

export type LoggedDecision = Readonly<z.infer<typeof decision>>;

/** `undefined`: the line is no decision. "broken": it is a part of one, or several that have run into each other. */
export function loggedDecision(line: string): LoggedDecision | "broken" | undefined {
  if (!line.includes("decision")) return undefined;
  const at = line.indexOf("{");
  const fields = at < 0 || !line.endsWith("}") ? textFields(line) : jsonFields(line.slice(at));
  // `journalctl -o json`.
  if (typeof fields?.MESSAGE === "string") return loggedDecision(fields.MESSAGE);
  return decision.safeParse(fields).data ?? (saysDecision.test(line) ? "broken" : undefined);
}

/** As each format has it, the journal's export with escaped quotes. */
const saysDecision = /"event\\?":\\?"decision\\?"| event=decision /;

function jsonFields(json: string): Record<string, unknown> | undefined {
  try {
    const fields: unknown = JSON.parse(json);
    return typeof fields === "object" && fields !== null ? { ...fields } : undefined;
  } catch {
    return undefined;
  }
}

/** `key=value key="a value"`; other words are left out. */
function textFields(line: string): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (const [, key = "", value = ""] of line.matchAll(/(\w+)=("(?:[^"\\]|\\.)*"|\S+)/g))
    fields[key] = value.startsWith('"') ? (jsonFields(`{"value":${value}}`)?.value ?? value) : value;
  return fields;
}
