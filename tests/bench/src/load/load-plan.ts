// What a run of open-loop load is asked to do, and what it answers; both cross a process boundary as JSON.

export interface StreamPlan {
  name: string;
  url: string;
  method?: "GET" | "POST";
  body?: string;
  ratePerSecond: number;
  /** From the moment at which a request should be sent until it counts as unanswered. */
  timeoutMs: number;
}

export interface LoadPlan {
  streams: readonly StreamPlan[];
  /** Sent and answered, but not counted. */
  warmUpMs: number;
  durationMs: number;
  connectionsMax: number;
}

export interface AnswerCount {
  /** Of the requests that should be sent in the counted time. */
  count: number;
  /** Those that arrived within the counted time, whenever their requests were sent. */
  arrivedPerSecond: number;
  p50Ms: number;
  p99Ms: number;
  maxMs: number;
}

export interface StreamResult {
  name: string;
  ratePerSecond: number;
  /** Requests that should be sent in the counted time. */
  requests: number;
  /** By status, or by why there was none: `timeout`, `reset`, `refused`, `broken`. */
  answers: Record<string, AnswerCount>;
  /** How late requests were sent: part of every latency here. */
  lateP50Ms: number;
  lateP99Ms: number;
}

export interface LoadResult {
  streams: StreamResult[];
  /** Processor time that the generator used, in cores. */
  generatorCores: number;
}
