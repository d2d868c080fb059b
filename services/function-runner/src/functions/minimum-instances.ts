import type { AliasRecord } from "@millrace/proto/release/v1/release";
import { functionKey } from "./function-version.ts";

/** How many instances of each version this runner keeps loaded: the most that any alias that points to it asks for. */
export class MinimumInstances {
  /** By function, then by alias. */
  readonly #functions = new Map<string, Map<string, AliasRecord>>();

  of({ functionUid, version }: { functionUid: string; version: number }): number {
    let most = 0;
    for (const { targets, minInstances } of this.#functions.get(functionUid)?.values() ?? []) {
      if (targets.some((target) => target.version === version)) most = Math.max(most, minInstances);
    }
    return most;
  }

  /** Takes in what an alias says now, or that it is gone. Answers the keys of the versions that it concerns, or did before. */
  put(functionUid: string, alias: string, record: AliasRecord | undefined): Set<string> {
    const aliases = this.#functions.get(functionUid) ?? new Map<string, AliasRecord>();
    const before = aliases.get(alias);
    if (record && record.minInstances > 0) aliases.set(alias, record);
    else aliases.delete(alias);
    if (aliases.size > 0) this.#functions.set(functionUid, aliases);
    else this.#functions.delete(functionUid);
    const concerned = [before, aliases.get(alias)].flatMap((one) => one?.targets ?? []);
    return new Set(concerned.map(({ version }) => functionKey({ functionUid, version })));
  }
}
