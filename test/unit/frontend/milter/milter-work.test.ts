/** What a listener makes of an ordinary session, counted in octets. */
import { expect, test } from "vitest";
import { DelayedReplies } from "../../../../src/frontend/connection/delayed-replies.ts";
import { milterProtocol, openMilter } from "../../../../src/frontend/milter/milter.ts";
import { octetsAllocated } from "../../../support/allocated.ts";
import { world } from "../../../support/mail-domain.ts";
import { frame, strings, uint32 } from "../../../support/milter-frames.ts";
import { connect, envelope, helo, milterWorld } from "../../../support/milter-mta.ts";

const macros = (letter: string, ...pairs: readonly string[]) => frame("D", letter + strings(...pairs));

/** As Postfix sends it, with the macros that it is asked for. */
const session = Buffer.concat([
  frame("O", uint32(6) + uint32(0x1ff) + uint32(0x1fffff)),
  macros("C", "j", "mail.example.org", "{daemon_name}", "mail.example.org", "{daemon_addr}", "192.0.2.25"),
  frame("C", connect()),
  macros("H", "{tls_version}", "TLSv1.3", "{cipher}", "TLS_AES_256_GCM_SHA384"),
  frame("H", helo("mx.client.example")),
  macros("M", "{tls_version}", "TLSv1.3", "{cipher}", "TLS_AES_256_GCM_SHA384"),
  frame("M", envelope("<a@client.example>", "SIZE=5296", "BODY=8BITMIME")),
  ...["john@example.org", "jane@example.org"].flatMap((address) => [
    macros("R", "i", "4XyZ01", "{rcpt_addr}", address, "{rcpt_host}", "example.org", "{rcpt_mailer}", "smtp"),
    frame("R", envelope(`<${address}>`, `ORCPT=rfc822;${address}`)),
  ]),
  macros("T", "i", "4XyZ01"),
  macros("E", "i", "4XyZ01"),
  frame("E"),
  frame("Q"),
]);

test("a session makes few objects besides its own", () => {
  const { options } = milterWorld(world());
  const begin = openMilter({ ...options, reads: () => false });
  const delayed = new DelayedReplies(() => 0);
  const play = (times: number) => {
    let replies = 0;
    for (let count = 0; count < times; count += 1) {
      const { decoder, answer, onClose } = milterProtocol(begin(), delayed);
      decoder.push(session);
      for (let command = decoder.next(); command !== undefined; command = decoder.next()) {
        if (answer(command) !== undefined) replies += 1;
      }
      onClose?.();
    }
    return replies;
  };
  // The offer, MAIL, two recipients, the end of the message.
  expect(play(300)).toBe(300 * 5);
  expect(octetsAllocated(() => play(300)) / 300).toBeLessThan(40_000);
});
