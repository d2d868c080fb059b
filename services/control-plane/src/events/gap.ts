import type { EventGap } from "@millrace/proto/control/v1/events";

// Events that were told of and are not kept.

/** `source`: who told had more than it may, or no bus; `bus`: they were gone before they were stored. */
export type GapCause = "source" | "bus";

export interface Gap {
  id: number;
  /** They happened between these. */
  since: Date;
  at: Date;
  source: string;
  cause: GapCause;
  count: number;
}

/** Of which events; an empty project is that of requests without a deployment. */
export interface GapScope {
  stream: string;
  project: string;
}

export function gapMessage({ since, at, source, cause, count }: Gap): EventGap {
  return { startTime: since, endTime: at, source, cause, count };
}
