/**
 * Makes an answer for all who ask for it at once. Who asks while one is made gets the next: it knows of everything that was before the
 * question. So of one key there is one at a time, however many ask.
 */
export class Together<Answer> {
  readonly #running = new Map<string, Promise<Answer>>();
  readonly #next = new Map<string, Promise<Answer>>();

  ask(key: string, make: () => Promise<Answer>): Promise<Answer> {
    const next = this.#next.get(key);
    if (next) return next;
    const running = this.#running.get(key);
    if (!running) return this.#make(key, make);
    const after = running.then(
      () => this.#makeNext(key, make),
      () => this.#makeNext(key, make),
    );
    this.#next.set(key, after);
    return after;
  }

  #makeNext(key: string, make: () => Promise<Answer>): Promise<Answer> {
    this.#next.delete(key);
    return this.#make(key, make);
  }

  #make(key: string, make: () => Promise<Answer>): Promise<Answer> {
    const made = make().finally(() => {
      if (this.#running.get(key) === made) this.#running.delete(key);
    });
    this.#running.set(key, made);
    return made;
  }
}
