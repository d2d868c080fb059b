import type { KeyObject } from "node:crypto";
import type { FunctionVersionRecord } from "@millrace/proto/release/v1/release";
import { openWithKey } from "@millrace/sealing";

/** A function's variables and its opened secrets: what its instances find in process.env. Throws SealingError. */
export function openEnvironment(record: FunctionVersionRecord, privateKey: KeyObject): Record<string, string> {
  const environment = { ...record.environment };
  for (const [name, sealed] of Object.entries(record.sealedSecrets)) {
    const context = `function-secret|${record.functionUid}|${name}`;
    environment[name] = openWithKey(privateKey, sealed, context).toString("utf8");
  }
  return environment;
}
