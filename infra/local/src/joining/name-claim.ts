/**
 * Who of several that want one name at the same time gets it. Each says that it wants the name, and says so again to whoever comes later;
 * who came first stays, and who has the name keeps it. Pure: what is heard goes in, what is to be said comes out.
 */

//   wanting ──▶ holding
//      └────────────┴──▶ lost
type State = "wanting" | "holding" | "lost";

export class NameClaim {
  readonly #token: string;
  #state: State = "wanting";

  /** Tokens of those who come later sort behind those of who came before. */
  constructor(token: string) {
    this.#token = token;
  }

  get isLost(): boolean {
    return this.#state === "lost";
  }

  /** What to say to everybody. */
  get words(): string {
    return `${this.#state} ${this.#token}`;
  }

  /** Nobody has objected for long enough. */
  hold(): void {
    if (this.#state === "wanting") this.#state = "holding";
  }

  /** Answers whether the words are to be said again: the other has yet to learn of this one. */
  hear(words: string): boolean {
    const [state, token] = words.split(" ");
    if (!token || token === this.#token || this.isLost || (state !== "wanting" && state !== "holding")) return false;
    const isOthers = state === this.#state ? token < this.#token : state === "holding";
    if (isOthers) this.#state = "lost";
    return !isOthers;
  }
}
