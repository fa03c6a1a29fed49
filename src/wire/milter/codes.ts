/** Codes of the milter protocol by their names in libmilter (mfdef.h, mfapi.h). Those that are neither understood nor sent are left out. */

/** Commands of the MTA. */
export const SMFIC = {
  ABORT: "A",
  BODY: "B",
  CONNECT: "C",
  MACRO: "D",
  BODYEOB: "E",
  HELO: "H",
  QUIT_NC: "K",
  HEADER: "L",
  MAIL: "M",
  EOH: "N",
  OPTNEG: "O",
  QUIT: "Q",
  RCPT: "R",
  DATA: "T",
  UNKNOWN: "U",
} as const;

/** Responses of the filter. */
export const SMFIR = {
  ADDRCPT: "+",
  DELRCPT: "-",
  ADDRCPT_PAR: "2",
  CONTINUE: "c",
  CHGFROM: "e",
  ADDHEADER: "h",
  SKIP: "s",
  REPLYCODE: "y",
} as const;

/** Families of the client's address. */
export const SMFIA = { UNKNOWN: "U", UNIX: "L", INET: "4", INET6: "6" } as const;

/** Actions that a filter may take. */
export const SMFIF = {
  ADDHDRS: 0x1,
  ADDRCPT: 0x4,
  DELRCPT: 0x8,
  CHGFROM: 0x40,
  ADDRCPT_PAR: 0x80,
  SETSYMLIST: 0x100,
} as const;

/** Parts of the protocol: events that are left out (NO…), events that are not answered (NR…), and what else a filter may ask for. */
export const SMFIP = {
  NOCONNECT: 0x1,
  NOHELO: 0x2,
  NOMAIL: 0x4,
  NORCPT: 0x8,
  NOBODY: 0x10,
  NOHDRS: 0x20,
  NOEOH: 0x40,
  NR_HDR: 0x80,
  NOUNKNOWN: 0x100,
  NODATA: 0x200,
  SKIP: 0x400,
  RCPT_REJ: 0x800,
  NR_CONN: 0x1000,
  NR_HELO: 0x2000,
  NR_MAIL: 0x4000,
  NR_RCPT: 0x8000,
  NR_DATA: 0x10000,
  NR_UNKN: 0x20000,
  NR_EOH: 0x40000,
  NR_BODY: 0x80000,
} as const;

/** Stages at which macros are asked for. */
export const SMFIM = { CONNECT: 0, HELO: 1, ENVFROM: 2, ENVRCPT: 3, DATA: 4, EOM: 5 } as const;
