/** Port numbers, as MTAs write them. */

/** Where mail from other servers comes in. */
export const smtpPort = 25;

const maxPort = 65_535;

/** 0 when it is missing, empty, or not a port. */
export function portOf(text = ""): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return port <= maxPort ? port : 0;
}
