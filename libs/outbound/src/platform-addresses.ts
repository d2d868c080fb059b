import { networkInterfaces } from "node:os";
import { type CheckedAddress, readAddress } from "./addresses.ts";
import { OUTBOUND_LIMITS } from "./limits.ts";
import type { Resolve } from "./resolver.ts";

/** The addresses of this machine, and of the bus: nothing of them is a function's business, though they may be public. */
export class PlatformAddresses {
  readonly #resolve: Resolve;
  readonly #host: string;
  #own = new Set<string>();
  #bus: readonly string[] = [];
  #readAt = Number.NEGATIVE_INFINITY;

  constructor(resolve: Resolve, busUrl: string) {
    this.#resolve = resolve;
    this.#host = hostOf(busUrl);
  }

  has({ address }: CheckedAddress): boolean {
    if (performance.now() - this.#readAt > OUTBOUND_LIMITS.platformReadMs) this.#read();
    return this.#own.has(address);
  }

  /** Resolves once the bus's addresses are known, or cannot be. */
  async refresh(): Promise<void> {
    const literal = readAddress(this.#host);
    const found = literal ? [literal] : await this.#resolve(this.#host, 0).catch(() => []);
    if (found.length > 0) this.#bus = found.map(({ address }) => address);
    this.#read(false);
  }

  #read(refresh = true): void {
    this.#readAt = performance.now();
    const interfaces = Object.values(networkInterfaces()).flatMap((entries) => entries ?? []);
    const own = interfaces.flatMap(({ address }) => readAddress(address)?.address ?? []);
    this.#own = new Set([...own, ...this.#bus]);
    if (refresh) void this.refresh();
  }
}

function hostOf(url: string): string {
  try {
    return new URL(url).hostname.replace(/^\[|\]$/g, "");
  } catch {
    return "";
  }
}
