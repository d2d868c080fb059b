import type { FunctionVersionRecord } from "@millrace/proto/release/v1/release";

/** `{function uid}@{version}`: how frames and beats name a function version. */
export function functionKey(record: Pick<FunctionVersionRecord, "functionUid" | "version">): string {
  return `${record.functionUid}@${record.version}`;
}

/** As a function is told of itself. A draft that is tried has a negative number. */
export function versionText({ version }: Pick<FunctionVersionRecord, "version">): string {
  return version < 0 ? "LATEST" : String(version);
}

/** One call at a time is what a handler may rely on; `fetch` is told how many it may get. */
const FETCH_CONCURRENCY = 16;

export function concurrencyOf(record: FunctionVersionRecord): number {
  if (record.shape !== "fetch") return 1;
  return record.concurrency > 0 ? record.concurrency : FETCH_CONCURRENCY;
}
