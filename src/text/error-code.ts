/** What an error is called by who made it, such as `ENOENT`, `ESERVFAIL` or `ERR_STREAM_PREMATURE_CLOSE`; "": it has no such name. */
export function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
