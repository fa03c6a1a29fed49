/**
 * What is remarked of mail, of an MTA or of the configuration, and not of a process: it is logged once, whichever process has noticed it
 * and however many have. Sources, files and bugs are each process's own, which logs them itself.
 */
import { SayOnce } from "../frontend/say-once.ts";

export interface LineLog {
  info(fields: object, text: string): void;
  warn(fields: object, text: string): void;
  error(fields: object, text: string): void;
}

export interface Remarks {
  /** A line that is written there is logged unless one about the same was; `againAfterMs`: or that was so long ago. */
  about(what: string, againAfterMs?: number): LineLog;
}

/** As processes send it. */
export interface Remark {
  readonly about: string;
  readonly againAfterMs?: number | undefined;
  readonly level: keyof LineLog;
  readonly fields: object;
  readonly text: string;
}

/** Of any process: `say` logs each remark, or sends it to the one that does. */
export function remarks(say: (remark: Remark) => void): Remarks {
  return {
    about(about, againAfterMs) {
      const at = (level: keyof LineLog) => (fields: object, text: string) => say({ about, againAfterMs, level, fields, text });
      return { info: at("info"), warn: at("warn"), error: at("error") };
    },
  };
}

/** Whoever makes a remark again may have waited for as long, and its messages take their time. */
const earlyMs = 60_000;

/** Of the process that logs them. */
export function loggedOnce(log: LineLog, once = new SayOnce()): (remark: Remark) => void {
  return ({ about, againAfterMs = Number.POSITIVE_INFINITY, level, fields, text }) => {
    if (once.allows(about, againAfterMs - earlyMs)) log[level](fields, text);
  };
}
