/** The program as it is installed, from the root of the checkout. */
export const program = "dist/main.js";
