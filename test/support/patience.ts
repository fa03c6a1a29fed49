/** How long a test waits for an event before it gives up: longer than a busy machine needs, shorter than a test may take. */
export const patienceMs = 120_000;
