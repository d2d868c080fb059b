// What functions printed.

export interface LogLine {
  at: Date;
  functionId: string;
  functionVersion: number;
  requestId: string;
  /** `debug`, `info`, `warn`, `error` or `platform` */
  level: string;
  message: string;
}

/** A line's place in the stream `logs`: the stream, the message in it, the line in that. */
export interface LogPlace {
  streamMadeAt: Date;
  sequence: number;
  line: number;
}

export interface StoredLine extends LogLine, LogPlace {
  project: string;
  functionUid: string;
}

export interface LogFilter {
  project: string;
  /** Id of a function. */
  function: string | undefined;
  requestId: string | undefined;
  /** From this instant on. */
  after: Date | undefined;
  /** Up to and without this instant. */
  before: Date | undefined;
}

/** Where a page ended: lines are ordered by time, then by place. */
export interface LogPosition {
  /** Microseconds since 1970. */
  atMicros: number;
  sequence: number;
  line: number;
}
