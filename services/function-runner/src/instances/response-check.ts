import type { Frame } from "@millrace/frames";

/** The status of a head frame whose headers hold together; null otherwise. The headers are walked, not read: the gateway reads them. */
export function readHeadStatus({ payload }: Frame): number | null {
  if (payload.length < 4) return null;
  const status = payload.readUInt16LE(0);
  if (status < 200 || status > 599) return null;
  let at = 4;
  for (let texts = payload.readUInt16LE(2) * 2; texts > 0; texts--) {
    if (at + 2 > payload.length) return null;
    at += 2 + payload.readUInt16LE(at);
    if (at > payload.length) return null;
  }
  return status;
}
