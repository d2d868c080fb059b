import { AsyncLocalStorage } from "node:async_hooks";
import type { Transaction } from "./database.ts";

/** Hears of the transactions that a piece of work commits, so that it can add to them. */
export interface CommitListener {
  /** May write; what it throws undoes the transaction. `result` is what the transaction's work answers. */
  beforeCommit(tx: Transaction, result: unknown): Promise<void>;
  committed(): void;
}

const listeners = new AsyncLocalStorage<CommitListener | undefined>();

/** Runs `work` with a listener for its transactions. */
export function withCommitListener<T>(listener: CommitListener | undefined, work: () => Promise<T>): Promise<T> {
  return listeners.run(listener, work);
}

export function commitListener(): CommitListener | undefined {
  return listeners.getStore();
}
