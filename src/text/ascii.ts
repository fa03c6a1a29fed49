/** Octets, and UTF-16 units, by their names in ASCII. */
export const lineFeed = 0x0a;
export const carriageReturn = 0x0d;
export const hyphen = 0x2d;
export const dot = 0x2e;
export const zero = 0x30;
export const nine = 0x39;
export const atSign = 0x40;
