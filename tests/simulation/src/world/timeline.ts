export interface Planned {
  readonly atMs: number;
  readonly order: number;
  run: (() => void) | null;
}

/** Virtual time: what is planned happens in order of time, and of planning where times are equal. */
export class Timeline {
  readonly #heap: Planned[] = [];
  #order = 0;
  nowMs = 0;

  after(delayMs: number, run: () => void): Planned {
    const planned = { atMs: this.nowMs + Math.max(0, delayMs), order: this.#order++, run };
    this.#push(planned);
    return planned;
  }

  runUntil(endMs: number): void {
    for (let next = this.#heap[0]; next !== undefined && next.atMs <= endMs; next = this.#heap[0]) {
      this.#pop();
      this.nowMs = next.atMs;
      next.run?.();
    }
    this.nowMs = endMs;
  }

  #push(planned: Planned): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(planned);
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (!isBefore(planned, heap[above]!)) break;
      heap[at] = heap[above]!;
      at = above;
    }
    heap[at] = planned;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && isBefore(heap[below + 1]!, heap[below]!)) below++;
      if (!isBefore(heap[below]!, last)) break;
      heap[at] = heap[below]!;
      at = below;
    }
    heap[at] = last;
  }
}

function isBefore(one: Planned, other: Planned): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order);
}
