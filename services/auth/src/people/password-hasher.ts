import { PlatformError } from "@millrace/errors";
import { hash, verify } from "@node-rs/argon2";
import { PASSWORD_HASHING } from "../limits.ts";

/** Argon2id; the library exports it as a `const enum`, which type stripping cannot see. */
const ARGON2ID = 2;
const OPTIONS = {
  algorithm: ARGON2ID,
  memoryCost: PASSWORD_HASHING.memoryCostKib,
  timeCost: PASSWORD_HASHING.timeCost,
  parallelism: PASSWORD_HASHING.parallelism,
};

/** Hashes and compares passwords with argon2id, a few at a time: each takes 19 MiB. */
export class PasswordHasher {
  readonly #decoy: Promise<string>;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor() {
    this.#decoy = hash("nobody has this password", OPTIONS);
  }

  hash(password: string): Promise<string> {
    return this.#inTurn(() => hash(password, OPTIONS));
  }

  /** Does the same work for somebody who has no password, and answers false. */
  verify(stored: string | null | undefined, password: string): Promise<boolean> {
    return this.#inTurn(async () => {
      const right = await verify(stored ?? (await this.#decoy), password);
      return right && stored != null;
    });
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    await this.#enter();
    try {
      return await work();
    } finally {
      this.#leave();
    }
  }

  async #enter(): Promise<void> {
    if (this.#running < PASSWORD_HASHING.runningMax) {
      this.#running++;
      return;
    }
    if (this.#waiting.length >= PASSWORD_HASHING.waitingMax) {
      throw new PlatformError("resource_exhausted", "Too many people sign in just now; try again in a moment.", {
        reason: "sign_in_throttled",
      });
    }
    // The place is handed over by the one who leaves.
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #leave(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#running--;
  }
}
