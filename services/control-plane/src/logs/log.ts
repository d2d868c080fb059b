import type { EventPlace } from "../events/event.ts";

// What functions printed.

export interface LogLine {
  at: Date;
  functionId: string;
  functionVersion: number;
  requestId: string;
  /** `debug`, `info`, `warn`, `error` or `platform` */
  level: string;
  message: string;
  /** Who told; empty of lines from before that was kept. */
  runner: string;
}

export interface StoredLine extends LogLine, EventPlace {
  project: string;
  functionUid: string;
}

export interface LogFilter {
  project: string;
  /** Id of a function. */
  function: string | undefined;
  requestId: string | undefined;
  levels?: string[] | undefined;
  version?: number | undefined;
  runner?: string | undefined;
  /** In the message. */
  text?: string | undefined;
  /** From this instant on. */
  after: Date | undefined;
  /** Up to and without this instant. */
  before: Date | undefined;
}

/** Whether a filter asks for something that no index finds. */
export function isSearching({ levels, version, runner, text }: LogFilter): boolean {
  return [levels, version, runner, text].some((member) => member !== undefined);
}
