import type { AuditLine } from "@millrace/audit";
import { formatName } from "@millrace/names";
import { etagOf } from "@millrace/rpc";
import type { Transaction } from "@millrace/sql";
import type { Domain } from "./domain.ts";

/** Says in the audit log of the project that had a host that it is another's now. Who has it stays that one's own. */
export function tellLossBy(log: { append(tx: Transaction, line: AuditLine): Promise<void> }) {
  return async (tx: Transaction, { project, host, version }: Domain): Promise<void> => {
    await log.append(tx, {
      chain: `projects/${project}`,
      project,
      actor: "services/control-plane",
      credential: "",
      method: "millrace.control.v1.DomainService/VerifyDomain",
      object: formatName("domain", { project, domain: host }),
      outcome: "done",
      reason: "",
      fields: JSON.stringify([["lost", "another project proved the host"]]),
      before: etagOf(version),
      after: etagOf(version + 1),
      peer: "",
      userAgent: "",
      notRecorded: 0,
    });
  };
}
