/**
 * As far apart, in milliseconds, the clocks of those who share a store may be: a time that is no later than that counts as now, and a later
 * one was set by a clock that was ahead.
 */
export const skewMs = 60_000;
