/** TLS certificates for one test, made by openssl in a folder. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

export interface Certificate {
  /** The files, in PEM. */
  readonly certFile: string;
  readonly keyFile: string;
  readonly cert: string;
  readonly key: string;
}

/** A certificate that signs itself, unless `more` names a CA. */
export function makeCertificate(folder: string, name: string, subject: string, ...more: readonly string[]): Certificate {
  const [certFile, keyFile] = [join(folder, `${name}.pem`), join(folder, `${name}.key`)];
  const newKey = ["-days", "1", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
  const flags = ["req", "-x509", ...newKey, "-keyout", keyFile, "-out", certFile, "-subj", subject, ...more];
  const { status, stderr } = spawnSync("openssl", flags, { encoding: "utf8" });
  if (status !== 0) throw new Error(`openssl: ${stderr}`);
  return { certFile, keyFile, cert: readFileSync(certFile, "utf8"), key: readFileSync(keyFile, "utf8") };
}

/** What openssl needs so that a certificate is one of this CA. */
export function issuedBy({ certFile, keyFile }: Certificate): readonly string[] {
  return ["-CA", certFile, "-CAkey", keyFile];
}
