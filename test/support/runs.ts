/** How often a property is checked: `count` times in `npm test`, fifty times as often in `npm run test:long`. */
export function runs(count: number): number {
  return isLong ? 50 * count : count;
}

export const isLong = Boolean(process.env.POSTERN_LONG);
