import { constants } from "node:crypto";

/** What every TLS connection of callers keeps to. */
export const TLS_TERMS = {
  minVersion: "TLSv1.2",
  honorCipherOrder: true,
  secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
} as const;
