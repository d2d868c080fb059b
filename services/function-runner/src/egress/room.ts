/**
 * Sockets that all sandboxes together may have in the supervisor. Nobody gets more than half of what is left over by the others: so whoever
 * comes finds some, however many take what they can.
 */
export class Room {
  readonly #max: number;
  #taken = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** A place of its own for one sandbox. */
  share(): RoomShare {
    let own = 0;
    return {
      take: () => {
        if (own + 1 > (this.#max - this.#taken) / 2) return false;
        own++;
        this.#taken++;
        return true;
      },
      giveBack: () => {
        own--;
        this.#taken--;
      },
    };
  }
}

export interface RoomShare {
  /** Whether there was room for one more. */
  take(): boolean;
  giveBack(): void;
}
