import { availableParallelism, cpus } from "node:os";

const SAMPLE_MS = 100;

/** How many of the machine's cores have nothing to do, as of the last tenth of a second. */
export class CoreWatch {
  readonly count = availableParallelism();
  readonly #timer: NodeJS.Timeout;
  #last = idleMs();
  #lastAt = performance.now();
  #spare = this.count;

  constructor() {
    this.#timer = setInterval(() => this.#sample(), SAMPLE_MS);
  }

  get spare(): number {
    return this.#spare;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #sample(): void {
    const [idle, now] = [idleMs(), performance.now()];
    this.#spare = (idle - this.#last) / (now - this.#lastAt);
    this.#last = idle;
    this.#lastAt = now;
  }
}

function idleMs(): number {
  let idle = 0;
  for (const { times } of cpus()) idle += times.idle;
  return idle;
}
