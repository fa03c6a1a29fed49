/** The peer broke the protocol: its connection is closed without a reply, and nothing else is touched. */

export class ProtocolError extends Error {
  override name = "ProtocolError";
}
