/** How many at once, and how many of them one holder may have. */
export interface PlaceBounds {
  max: number;
  ofOneMax: number;
}

/** Room for so many at once, of whom one holder has so many. Nobody waits for it. */
export class Places {
  readonly #bounds: PlaceBounds;
  readonly #byHolder = new Map<string, number>();
  #taken = 0;

  constructor(bounds: PlaceBounds) {
    this.#bounds = bounds;
  }

  get taken(): number {
    return this.#taken;
  }

  get isFull(): boolean {
    return this.#taken >= this.#bounds.max;
  }

  /** Those who have as many as one may have. */
  fullHolders(): string[] {
    return [...this.#byHolder].filter(([, own]) => own >= this.#bounds.ofOneMax).map(([holder]) => holder);
  }

  /** Answers how to leave, once or more often; null when there is no room. */
  enter(holder: string): (() => void) | null {
    const own = this.#byHolder.get(holder) ?? 0;
    if (this.isFull || own >= this.#bounds.ofOneMax) return null;
    this.#taken++;
    this.#byHolder.set(holder, own + 1);
    let isIn = true;
    return () => {
      if (isIn) this.#leave(holder);
      isIn = false;
    };
  }

  #leave(holder: string): void {
    this.#taken--;
    const left = this.#byHolder.get(holder)! - 1;
    if (left > 0) this.#byHolder.set(holder, left);
    else this.#byHolder.delete(holder);
  }
}
