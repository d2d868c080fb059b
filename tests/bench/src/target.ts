/** Something that the benchmark drives: it serves `url` until it is stopped. */
export interface Target {
  url: string;
  /** A wrk script, for targets whose requests must differ. */
  script?: string;
  /** The process that takes the HTTP requests. */
  gatewayPid: number;
  stop(): Promise<void>;
}

/** How a row of the table is brought up; undefined when what it measures is not there, and the row prints n/a. */
export type StartTarget = () => Promise<Target | undefined>;
