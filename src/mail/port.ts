/** Port numbers, as MTAs write them. */
import { zero } from "../text/ascii.ts";

/** Where mail from other servers comes in. */
export const smtpPort = 25;

const maxPort = 65_535;

const maxDigits = 5;

/** That of the server in a session: what is set for the listener, else what is known of it; 0: nothing. */
export function serverPort(localPort: number | undefined, told: number): number {
  return localPort ?? (told || smtpPort);
}

/** 0 when it is missing, empty, or not a port. Read digit by digit, since every request names some. */
export function portOf(text = ""): number {
  if (text.length > maxDigits) return 0;
  let port = 0;
  for (let index = 0; index < text.length; index += 1) {
    const digit = text.charCodeAt(index) - zero;
    if (digit < 0 || digit > 9) return 0;
    port = 10 * port + digit;
  }
  return port <= maxPort ? port : 0;
}
