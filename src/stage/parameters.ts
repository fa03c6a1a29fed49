/** ESMTP parameters of MAIL and RCPT, `KEYWORD` or `KEYWORD=value`, as the client sent them (RFC 5321 4.1.1.11). */

export type Parameters = readonly string[];

export interface Parameter {
  /** Upper case. */
  readonly keyword: string;
  /** `undefined` without a `=`. */
  readonly value: string | undefined;
}

export function split(parameter: string): Parameter {
  const equals = parameter.indexOf("=");
  return equals < 0
    ? { keyword: parameter.toUpperCase(), value: undefined }
    : { keyword: parameter.slice(0, equals).toUpperCase(), value: parameter.slice(equals + 1) };
}

/** `""` for one without a value; `undefined`: it is not given. */
export function parameterValue(keyword: string, parameters: Parameters): string | undefined {
  const { length } = keyword;
  for (const parameter of parameters) {
    const isAlone = parameter.length === length;
    if (!isAlone && parameter[length] !== "=") continue;
    if (parameter.slice(0, length).toUpperCase() === keyword) return isAlone ? "" : parameter.slice(length + 1);
  }
  return undefined;
}

/** The value of MT-PRIORITY; `""` if it is not given. */
export function priorityOf(parameters: Parameters): string {
  return parameterValue("MT-PRIORITY", parameters) ?? "";
}
