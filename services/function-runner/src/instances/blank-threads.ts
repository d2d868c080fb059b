import { BLANK_THREAD_LIMITS } from "../limits.ts";

const { threadsMax, delayMs, retryMs, coresSpareMin, patienceMs, missesMax, restlessMs, idleMs } = BLANK_THREAD_LIMITS;

/** What of a sandbox is needed here. */
export interface BlankHolder {
  readonly blankMemoryMib: number | undefined;
  readonly isPreparing: boolean;
  readonly takesInstances: boolean;
  prepare(memoryMib: number): void;
  dropBlank(): void;
}

interface Wish {
  /** Of the last instance that was started there. */
  memoryMib: number;
  /** Starts in a row that wanted another size than the thread that waits has. */
  misses: number;
  startedAt: number;
}

/**
 * Has a blank thread made in a sandbox after something was started there: more is likely to follow. One at a time on the whole runner, when
 * a core has nothing to do, and no more than the runner's memory is worth; the longest unused ones make room.
 */
export class BlankThreads {
  readonly #cores: { readonly spare: number };
  readonly #now: () => number;
  /** In the order of their last start. */
  readonly #wishes = new Map<BlankHolder, Wish>();
  #timer: NodeJS.Timeout | undefined;

  constructor(cores: { readonly spare: number }, now = () => performance.now()) {
    this.#cores = cores;
    this.#now = now;
  }

  /** An instance of that size is about to be started in `sandbox`. */
  starts(sandbox: BlankHolder, memoryMib: number): void {
    const waiting = sandbox.blankMemoryMib;
    const before = this.#wishes.get(sandbox);
    const isMiss = waiting !== undefined && waiting !== memoryMib;
    const misses = isMiss ? (before?.memoryMib === memoryMib ? before.misses : 0) + 1 : 0;
    if (misses >= missesMax) sandbox.dropBlank();
    this.#wishes.delete(sandbox);
    this.#wishes.set(sandbox, { memoryMib, misses, startedAt: this.#now() });
    this.#timer ??= setTimeout(() => this.#look(), delayMs);
  }

  /** Ends the threads that have waited for long. */
  sweep(): void {
    const idleSince = this.#now() - idleMs;
    for (const [sandbox, { startedAt }] of this.#wishes) {
      if (startedAt < idleSince) this.#release(sandbox);
      else if (!sandbox.takesInstances) this.#wishes.delete(sandbox);
    }
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#wishes.clear();
  }

  #look(): void {
    this.#timer = undefined;
    const lacking = [...this.#wishes].filter(([sandbox]) => sandbox.takesInstances && !holdsBlank(sandbox));
    if (lacking.length === 0) return;
    const [sandbox, { memoryMib, startedAt }] = lacking[0]!;
    const mayCompute = this.#cores.spare >= coresSpareMin || startedAt <= this.#now() - patienceMs;
    if (mayCompute && !this.#isPreparing() && this.#hasRoom()) sandbox.prepare(memoryMib);
    this.#timer = setTimeout(() => this.#look(), retryMs);
  }

  #isPreparing(): boolean {
    return [...this.#wishes.keys()].some(({ isPreparing }) => isPreparing);
  }

  #hasRoom(): boolean {
    const holders = [...this.#wishes].filter(([sandbox]) => holdsBlank(sandbox));
    if (holders.length < threadsMax) return true;
    const [longest, { startedAt }] = holders[0]!;
    if (startedAt > this.#now() - restlessMs) return false;
    this.#release(longest);
    return true;
  }

  /** Nothing is made there again until something is started. */
  #release(sandbox: BlankHolder): void {
    this.#wishes.delete(sandbox);
    sandbox.dropBlank();
  }
}

function holdsBlank({ blankMemoryMib }: BlankHolder): boolean {
  return blankMemoryMib !== undefined;
}
