// Admission and drain as one object: work enters while the gate is open, and `drained()` waits for what is inside.
//
//   if (!gate.enter()) return reject("draining");
//   try { await work() } finally { gate.leave() }
export class SessionGate {
  #inside = 0;
  #closing = false;
  #emptied = Promise.withResolvers<void>();

  /** Takes one session in; false once the gate is closing. */
  enter(): boolean {
    if (this.#closing) return false;
    this.#inside++;
    return true;
  }

  leave(): void {
    if (this.#inside === 0) throw new Error("a session left the gate that had not entered");
    this.#inside--;
    if (this.#closing && this.#inside === 0) this.#emptied.resolve();
  }

  get inside(): number {
    return this.#inside;
  }

  /** Closes the gate and waits until nothing is inside, at most `timeoutMs`. Answers whether it emptied in time. */
  async drained(timeoutMs: number): Promise<boolean> {
    this.#closing = true;
    if (this.#inside === 0) return true;
    const timer = Promise.withResolvers<void>();
    const timeout = setTimeout(timer.resolve, timeoutMs);
    await Promise.race([this.#emptied.promise, timer.promise]);
    clearTimeout(timeout);
    return this.#inside === 0;
  }
}
