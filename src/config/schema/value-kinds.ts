/** The kinds of values that many keys have. */
import { z } from "zod";
import type { variablesOf } from "../../stage/vocabulary.ts";
import { durationMs } from "./value-syntax.ts";

/** A name or another short text on one line. */
export const word = z.string().regex(/^[^\p{Cc}]+$/u, { error: "must be text on one line, and not empty." });

export const domainNames = z.array(word).default([]);

/** Relative to the folder of the configuration file, where nothing else is said. */
export const path = z.string().regex(/^[^\0]+$/, { error: "is not the path of a file. Write one." });

export function duration(fallback: string, meaning: string) {
  const text = z
    .string({ error: `a duration is written with its unit, in quotes. Write it like "${fallback}".` })
    .superRefine((value, context) => {
      if (durationMs(value) !== undefined) return;
      context.addIssue(`"${value}" is not a duration. Write a number and one of the units d, h, m, s, ms, such as "${fallback}".`);
    });
  return text.default(fallback).meta({ description: meaning, unit: "duration" });
}

type Constant = string | number | boolean;
type RuleData = Constant | readonly ({ readonly if: string; readonly then: Constant } | { readonly else: Constant })[];

/** A rule set: its forms are read, and its expressions compiled, after the rest. `stage` says which variables it may use. */
export function rules(stage: keyof typeof variablesOf, yields: string, fallback: RuleData, meaning: string) {
  return z.unknown().default(fallback).meta({ description: meaning, stage, yields });
}

export function optionalRules(stage: keyof typeof variablesOf, yields: string, unset: string, meaning: string) {
  return z.unknown().optional().meta({ description: meaning, stage, yields, unset });
}

export function authenticatedOnly(value: Constant): RuleData {
  return [{ if: "!is_empty(authenticated_as)", then: value }, { else: false }];
}

export function onStoreFailure(meaning: string) {
  return z.enum(["accept", "defer"]).default("accept").meta({ description: meaning });
}
