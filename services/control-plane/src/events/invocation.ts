import type { EventPlace } from "./event.ts";

/** One call of a function, as its runner told of it. */
export interface Invocation {
  at: Date;
  /** As the bus vouches for it. */
  runner: string;
  functionId: string;
  functionVersion: number;
  requestId: string;
  /** Of the function's answer; 0 when there was none. */
  status: number;
  /** Empty when there was a whole answer. */
  reason: string;
  durationMs: number;
  waitMs: number;
  cpuUs: number | null;
  cpuShared: boolean;
  memoryKib: number | null;
  cold: boolean;
  bytesIn: number;
  bytesOut: number;
}

export interface StoredInvocation extends Invocation, Omit<EventPlace, "place"> {
  project: string;
  functionUid: string;
}
