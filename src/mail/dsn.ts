/** The value of NOTIFY (RFC 3461 4.1). */
export const notifyValue = /^(?:NEVER|(?:SUCCESS|FAILURE|DELAY)(?:,(?:SUCCESS|FAILURE|DELAY))*)$/i;
