import { BLANK_THREAD_LIMITS } from "../limits.ts";
import { isSameKind, type ThreadKind } from "../sandbox/sandbox-frames.ts";

const { threadsMax, delayMs, retryMs, coresSpareMin, patienceMs, missesMax, restlessMs, idleMs } = BLANK_THREAD_LIMITS;

/** What of a sandbox is needed here. */
export interface BlankHolder {
  readonly blank: ThreadKind | undefined;
  readonly isPreparing: boolean;
  /** Whether it has a channel for another. */
  readonly takesBlanks: boolean;
  prepare(kind: ThreadKind): void;
  dropBlank(): void;
}

interface Wish {
  /** Of the last instance that was started there. */
  kind: ThreadKind;
  /** Starts in a row that wanted another kind of thread than the one that waits. */
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

  /** An instance that wants such a thread is about to be started in `sandbox`. */
  starts(sandbox: BlankHolder, kind: ThreadKind): void {
    const { blank } = sandbox;
    const before = this.#wishes.get(sandbox);
    const isMiss = blank !== undefined && !isSameKind(blank, kind);
    const misses = isMiss ? (before && isSameKind(before.kind, kind) ? before.misses : 0) + 1 : 0;
    if (misses >= missesMax) sandbox.dropBlank();
    this.#wishes.delete(sandbox);
    this.#wishes.set(sandbox, { kind, misses, startedAt: this.#now() });
    this.#timer ??= setTimeout(() => this.#look(), delayMs);
  }

  /** Ends the threads that have waited for long. */
  sweep(): void {
    const idleSince = this.#now() - idleMs;
    for (const [sandbox, { startedAt }] of this.#wishes) {
      if (startedAt < idleSince) this.#release(sandbox);
      else if (!sandbox.takesBlanks && !holdsBlank(sandbox)) this.#wishes.delete(sandbox);
    }
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#wishes.clear();
  }

  #look(): void {
    this.#timer = undefined;
    const lacking = [...this.#wishes].filter(([sandbox]) => sandbox.takesBlanks && !holdsBlank(sandbox));
    if (lacking.length === 0) return;
    const [sandbox, { kind, startedAt }] = lacking[0]!;
    const mayCompute = this.#cores.spare >= coresSpareMin || startedAt <= this.#now() - patienceMs;
    if (mayCompute && !this.#isPreparing() && this.#hasRoom()) sandbox.prepare(kind);
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

function holdsBlank({ blank }: BlankHolder): boolean {
  return blank !== undefined;
}
