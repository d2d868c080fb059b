import { type BucketWatcher, type BusLog, type openBucket, unpackRecord, watchBucket } from "@millrace/bus";
import { AliasRecord, FunctionVersionRecord } from "@millrace/proto/release/v1/release";
import { functionKey } from "./function-version.ts";
import { MinimumInstances } from "./minimum-instances.ts";

export interface RecordsListener {
  /** The version is gone or not what it was. */
  onChanged(key: string): void;
  /** So many instances of the version are to be kept loaded from now on. */
  onMinimum(record: FunctionVersionRecord, minimum: number): void;
}

const PREFIX = "version.";
const ALIAS_PREFIX = "alias.";

/** What is known of each function version, and of the aliases that point to it, as projected onto the bus. */
export class FunctionRecords {
  readonly #records = new Map<string, FunctionVersionRecord>();
  readonly #minimums = new MinimumInstances();
  readonly #waiting = new Map<string, Set<(record: FunctionVersionRecord) => void>>();
  readonly #watcher: BucketWatcher;
  readonly #listener: RecordsListener;

  constructor(bucket: Awaited<ReturnType<typeof openBucket>>, log: BusLog, listener: RecordsListener) {
    this.#listener = listener;
    this.#watcher = watchBucket(
      bucket,
      { onPut: (key, value) => this.#put(key, value), onDelete: (key) => this.#delete(key) },
      log,
    );
  }

  get caughtUp(): Promise<void> {
    return this.#watcher.caughtUp;
  }

  get(key: string): FunctionVersionRecord | undefined {
    return this.#records.get(key);
  }

  /** The record, waited for at most `timeoutMs`: an invocation may overtake it. Undefined when it does not come. */
  async waitFor(key: string, timeoutMs: number): Promise<FunctionVersionRecord | undefined> {
    const arrival = Promise.withResolvers<FunctionVersionRecord | undefined>();
    const waiting = this.#waiting.get(key) ?? new Set();
    this.#waiting.set(key, waiting.add(arrival.resolve));
    const timer = setTimeout(() => arrival.resolve(undefined), timeoutMs);
    const record = await arrival.promise;
    clearTimeout(timer);
    waiting.delete(arrival.resolve);
    if (waiting.size === 0) this.#waiting.delete(key);
    return record;
  }

  close(): void {
    this.#watcher.close();
  }

  #put(busKey: string, value: Uint8Array): void {
    if (busKey.startsWith(ALIAS_PREFIX)) this.#onAlias(busKey, AliasRecord.decode(unpackRecord(value)));
    if (!busKey.startsWith(PREFIX)) return;
    const record = FunctionVersionRecord.decode(unpackRecord(value));
    const key = functionKey(record);
    const before = this.#records.get(key);
    this.#records.set(key, record);
    if (before && !sameRecord(before, record)) this.#listener.onChanged(key);
    const minimum = this.#minimums.of(record);
    if (minimum > 0) this.#listener.onMinimum(record, minimum);
    for (const arrived of this.#waiting.get(key) ?? []) arrived(record);
  }

  /** Its versions may come later. */
  #onAlias(busKey: string, alias: AliasRecord | undefined): void {
    const [functionUid = "", id = ""] = busKey.slice(ALIAS_PREFIX.length).split(".");
    for (const key of this.#minimums.put(functionUid, id, alias)) {
      const record = this.#records.get(key);
      if (record) this.#listener.onMinimum(record, this.#minimums.of(record));
    }
  }

  #delete(busKey: string): void {
    if (busKey.startsWith(ALIAS_PREFIX)) this.#onAlias(busKey, undefined);
    if (!busKey.startsWith(PREFIX)) return;
    const [uid, version] = busKey.slice(PREFIX.length).split(".");
    const key = `${uid}@${version}`;
    if (this.#records.delete(key)) this.#listener.onChanged(key);
  }
}

function sameRecord(a: FunctionVersionRecord, b: FunctionVersionRecord): boolean {
  const [bytesA, bytesB] = [a, b].map((record) => FunctionVersionRecord.encode(record).finish());
  return Buffer.compare(bytesA!, bytesB!) === 0;
}
