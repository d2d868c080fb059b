/**
 * When to stop: a signal, or the end of whoever started us. In a terminal Ctrl-C reaches us twice, from the terminal and from npm,
 * so signals that follow at once are the same wish; a later one means "now".
 */
import { Socket } from "node:net";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
const SAME_WISH_MS = 1_000;

export class StopRequest {
  readonly #controller = new AbortController();
  readonly #onSignal = (): void => this.#request();
  #firstAt: number | undefined;
  readonly #lifeline: Socket | undefined;

  constructor(lifelineDescriptor = process.env.MILLRACE_LIFELINE_FD) {
    for (const signal of SIGNALS) process.on(signal, this.#onSignal);
    if (lifelineDescriptor === undefined) return;
    delete process.env.MILLRACE_LIFELINE_FD;
    this.#lifeline = new Socket({ fd: Number(lifelineDescriptor), readable: true, writable: false });
    this.#lifeline.on("error", this.#onSignal).on("close", this.#onSignal).resume().unref();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get requested(): Promise<void> {
    const { signal } = this.#controller;
    if (signal.aborted) return Promise.resolve();
    return new Promise((settle) => signal.addEventListener("abort", () => settle(), { once: true }));
  }

  close(): void {
    for (const signal of SIGNALS) process.off(signal, this.#onSignal);
    this.#lifeline?.removeAllListeners();
    this.#lifeline?.destroy();
  }

  #request(): void {
    const now = Date.now();
    this.#firstAt ??= now;
    if (now - this.#firstAt > SAME_WISH_MS) process.exit(130);
    this.#controller.abort();
  }
}
