/** Figures of several rounds, and tables of them. */
import { performance } from "node:perf_hooks";

const fewestRounds = 3;
const maxMs = 45_000;

/** Their numbers: on a busy machine there are fewer. */
export function* roundsOf(most: number): Generator<number> {
  const until = performance.now() + maxMs;
  for (let round = 0; round < fewestRounds || (round < most && performance.now() < until); round += 1) yield round;
}

/** In reverse every second round, so that none always follows the same one, and other work on the machine slows all. */
export function inTurn<T>(all: readonly T[], round: number): readonly T[] {
  return round % 2 === 0 ? all : all.toReversed();
}

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export function quantile(figures: readonly number[], part: number): number {
  return figures.toSorted((a, b) => a - b)[Math.min(figures.length - 1, Math.floor(figures.length * part))] ?? Number.NaN;
}

export function spread(figures: readonly number[]): Spread {
  return { median: quantile(figures, 0.5), min: Math.min(...figures), max: Math.max(...figures) };
}

export function shown({ median, min, max }: Spread, digits = 0): string {
  return `${median.toFixed(digits)} (${min.toFixed(digits)}–${max.toFixed(digits)})`;
}

export function printTable(columns: readonly string[], rows: readonly (readonly string[])[]): void {
  console.log(`| ${columns.join(" | ")} |\n|${"---|".repeat(columns.length)}`);
  for (const row of rows) console.log(`| ${row.join(" | ")} |`);
}
