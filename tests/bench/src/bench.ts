import type { EngineProgram } from "@millrace/local/engines";
import type { Wrk } from "./load/wrk.ts";
import type { Section } from "./report/section.ts";

/** What every scenario is handed. */
export interface Bench {
  /** Fewer and shorter rounds, to see that all works; nothing that it measures is kept. */
  isShort: boolean;
  wrk: Wrk;
  nats: EngineProgram;
  /** Aborts when the benchmark is told to stop: what waits rejects, and every scenario takes down what it started. */
  signal: AbortSignal;
  print(line: string): void;
}

export interface Scenario<Result> {
  /** On the command line. */
  name: string;
  /** In results.json. */
  key: string;
  about: string;
  /** Not part of a run that names no scenario. */
  onlyByName?: boolean;
  measure(bench: Bench): Promise<Result>;
  /** For the terminal and the page alike; `result` may have been read from results.json. */
  present(result: Result): Section;
}
