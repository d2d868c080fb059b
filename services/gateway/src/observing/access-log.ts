import { LOG_LIMITS } from "../limits.ts";

/** One request, as the log tells it. The query and the headers are left out: they may hold secrets. */
export interface AccessLogLine {
  requestId: string;
  traceId: string;
  traceExported: boolean;
  sourceIp: string;
  method: string;
  host: string;
  path: string;
  protocol: string;
  status: number;
  /** Of the error table; empty when the request was served; `caller_gone` when nobody was there to be answered. */
  reason: string;
  /** Who made the status. */
  component: string;
  deployment: string;
  environment: string;
  release: number;
  revision: string;
  api: string;
  function: string;
  runner: string;
  attempts: number;
  keyId: string;
  project: string;
  authType: string;
  userAgent: string;
  bytesIn: number;
  bytesOut: number;
  durationMs: number;
}

export interface TextOutput {
  write(text: string): unknown;
  readonly writableLength: number;
}

/** Writes one line of JSON per request, many lines at once: each write wakes whoever reads them. */
export class AccessLog {
  readonly #output: TextOutput;
  readonly #prefix: string;
  #waiting = "";
  #timer: NodeJS.Timeout | undefined;
  #dropped = 0;
  #now = 0;
  #time = "";

  constructor(output: TextOutput, fields: Record<string, string>) {
    this.#output = output;
    this.#prefix = `{"level":"info","msg":"request",${JSON.stringify(fields).slice(1, -1)},"time":"`;
  }

  get droppedLines(): number {
    return this.#dropped;
  }

  write(line: AccessLogLine): void {
    if (this.#output.writableLength + this.#waiting.length > LOG_LIMITS.waitingBytesMax) {
      this.#dropped++;
      return;
    }
    this.#waiting += `${this.#prefix}${this.#timeNow()}",${JSON.stringify(line).slice(1)}\n`;
    if (this.#waiting.length >= LOG_LIMITS.writeBytes) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), LOG_LIMITS.flushMs);
  }

  /** To the millisecond, and made once in each. */
  #timeNow(): string {
    const now = Date.now();
    if (now !== this.#now) this.#time = new Date(now).toISOString();
    this.#now = now;
    return this.#time;
  }

  /** Writes what waits, at once. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#waiting !== "") this.#output.write(this.#waiting);
    this.#waiting = "";
  }
}
