import { chmodSync, chownSync, closeSync, openSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { formatEgressTarget } from "@millrace/names";
import {
  Allowance,
  type AllowedRange,
  type CheckedAddress,
  dial,
  isLocalName,
  isLoopback,
  LOOPBACK,
  PlatformAddresses,
  type Resolve,
  Resolver,
  readAddress,
  systemResolver,
} from "@millrace/outbound";
import { EGRESS_LIMITS } from "../limits.ts";
import { EgressAudit } from "./audit.ts";
import type { EgressPolicy } from "./egress-policy.ts";
import { Relay } from "./relay.ts";
import { Room } from "./room.ts";
import { refusalOfAddress, type Terms } from "./verdict.ts";
import { RELAY_SOCKET } from "./wire.ts";

export interface EgressOptions {
  /** What the operator opens of what is refused otherwise. */
  allow: readonly AllowedRange[];
  busUrl: string;
  log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
  resolve?: Resolve;
  dial?: typeof dial;
}

export interface RelayPlace {
  /** The folder that the sandbox sees. */
  folder: string;
  /** Who may connect; undefined: the runner's own user. */
  uid: number | undefined;
}

/** How functions reach the world: the runner connects for them, where their policy and their operator let them. */
export class Egress {
  readonly audit: EgressAudit;
  readonly #options: EgressOptions;
  readonly #allowance: Allowance;
  readonly #resolver: Resolver;
  readonly #platform: PlatformAddresses;
  readonly #room = new Room(Math.min(EGRESS_LIMITS.socketsOfAllMax, descriptorsMax() / 2));

  constructor(options: EgressOptions) {
    const resolve = options.resolve ?? systemResolver();
    this.#options = options;
    this.#allowance = new Allowance(options.allow);
    this.#resolver = new Resolver(resolve);
    this.#platform = new PlatformAddresses(resolve, options.busUrl);
    this.audit = new EgressAudit(options.log);
    void this.#platform.refresh();
  }

  /** Opens the way out of a sandbox; answers how to close it. Throws when the socket cannot be made. */
  open({ folder, uid }: RelayPlace, project: string, policy: EgressPolicy): () => void {
    const relay = new Relay({
      project,
      terms: this.#terms(policy),
      resolver: this.#resolver,
      dial: this.#options.dial ?? dial,
      audit: this.audit,
      room: this.#room.share(),
    });
    // A socket's path is at most 107 bytes long: the folder is named by its descriptor.
    const fd = openSync(folder, "r");
    const path = `/proc/self/fd/${fd}/${RELAY_SOCKET}`;
    const server = createServer({ allowHalfOpen: true }, (socket) => relay.take(socket));
    server.on("error", (err) => this.#options.log.warn({ err, project }, "a sandbox's way out cannot be opened"));
    server.listen(path);
    chmodSync(path, 0o600);
    if (uid !== undefined) chownSync(path, uid, uid);
    return () => {
      relay.close();
      // Once: the number of a descriptor that is closed is soon another's.
      server.close((error) => error ?? closeSync(fd));
    };
  }

  /** Loopback `address:port`s that are the machine's to a sandbox, not its own. */
  hostLoopback(policy: EgressPolicy): string[] {
    const terms = this.#terms(policy);
    const asked =
      policy.mode === "hosts"
        ? policy.hosts.flatMap(({ host, port }) => loopbackOf(host).map((address) => ({ address, port })))
        : this.#allowance.endpoints.filter(({ address }) => isLoopback(address));
    return asked
      .filter(({ address, port }) => refusalOfAddress(terms, address.address, port, address) === undefined)
      .map(({ address, port }) => formatEgressTarget({ host: address.address, port }));
  }

  #terms(policy: EgressPolicy): Terms {
    return { policy, allowance: this.#allowance, isOwn: (address) => this.#platform.has(address) };
  }
}

function loopbackOf(host: string): CheckedAddress[] {
  if (isLocalName(host)) return LOOPBACK;
  const address = readAddress(host);
  return address && isLoopback(address) ? [address] : [];
}

/** Open files that this process may have, as Linux says; few when it does not say. */
function descriptorsMax(): number {
  const [, soft = "1024"] = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
  return Number(soft);
}
