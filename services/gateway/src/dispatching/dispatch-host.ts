import type { Wire } from "./call.ts";

/** What a `Dispatch` lives in: the gateway, or a simulator. */
export interface DispatchHost {
  wire: Wire;
  /** Whether frames reach anybody at all. */
  isConnected(): boolean;
  random(): number;
  /** `wake` is to be called then; an earlier time replaces a later one. */
  wakeAt(atMs: number): void;
  /** Ask the bus for an echo, behind everything that is on its way here, and call `caughtUp` when it comes. */
  askForEcho(): void;
  log: { warn(fields: object, message: string): void };
}
