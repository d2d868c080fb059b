import type { ProcessMap } from "../system/usage.ts";

/** Something that the benchmark drives: it serves `url` until it is stopped. */
export interface Target {
  url: string;
  /** The processes that take part in a request now; `gateway` is the one that takes the HTTP requests. */
  processes(): ProcessMap;
  stop(): Promise<void>;
}

/** How a row of the table is brought up; undefined when what it measures is not there, and the row prints n/a. */
export type StartTarget = () => Promise<Target | undefined>;
