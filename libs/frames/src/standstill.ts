/**
 * Whether a process knows what has happened meanwhile. One that did not run for a while (a suspended machine, a starved one) finds old mail,
 * and takes for present what is past; it does so until the bus has echoed behind that mail. Each standstill needs an echo of its own: the
 * one of the standstill before says nothing of the mail that came since. Gateways and runners count alike. Time is an input.
 */
export class Standstill {
  readonly #longerThanMs: number;
  #ranAtMs: number | undefined;
  #echoesToCome = 0;

  constructor(longerThanMs: number) {
    this.#longerThanMs = longerThanMs;
  }

  /** Nothing is behind that has not been caught up with. */
  get isOver(): boolean {
    return this.#echoesToCome === 0;
  }

  /** The process runs. True when it stood still before: then an echo is to be asked for, and `caughtUp` to be called when it comes. */
  notice(nowMs: number): boolean {
    const stoodStill = this.#ranAtMs !== undefined && nowMs - this.#ranAtMs > this.#longerThanMs;
    this.#ranAtMs = nowMs;
    if (stoodStill) this.begin();
    return stoodStill;
  }

  /** The process is new to what is in its mail, which is the same. An echo is to be asked for. */
  begin(): void {
    this.#echoesToCome++;
  }

  /** An echo has come. */
  caughtUp(): void {
    if (this.#echoesToCome > 0) this.#echoesToCome--;
  }
}
