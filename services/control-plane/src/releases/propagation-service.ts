import { setTimeout as delay } from "node:timers/promises";
import { PlatformError } from "@millrace/errors";
import type { Environment } from "@millrace/names";
import { formatName, hostLabel } from "@millrace/names";
import { query, type Sql } from "@millrace/sql";
import type { BusLink } from "../bus/bus-link.ts";
import { checkReleased } from "../deployments/deployment.ts";
import type { DeploymentIds } from "../deployments/deployment-service.ts";
import { getDeployment } from "../deployments/deployment-store.ts";
import { getGroup } from "../groups/group-store.ts";
import { LIMITS } from "../limits.ts";
import { databaseNow } from "../projecting/projected-store.ts";
import { Places } from "../requests/places.ts";
import { Together } from "../requests/together.ts";
import { Violations } from "../requests/violations.ts";
import type { Gateways } from "./gateways-bus.ts";

export interface Propagation {
  release: number;
  gateways: readonly { gateway: string; release: number; isCurrent: boolean; afterMs: number | undefined }[];
  serving: number;
  /** When all serve it: how long the last took. */
  afterMs: number | undefined;
}

/** How far a change of a deployment has come. */
export class PropagationService {
  readonly #deps: { sql: Sql; link: BusLink; gateways: Gateways };
  readonly #places = new Places(LIMITS.propagations);
  readonly #looks = new Together<Propagation>();

  constructor(deps: { sql: Sql; link: BusLink; gateways: Gateways }) {
    this.#deps = deps;
  }

  /**
   * Asks at once, and again until all gateways serve the newest change or `waitMs` are over; for all who wait for a deployment together.
   * `person` is who asks, e.g. `people/abc`. Throws `resource_exhausted` propagations_exhausted.
   */
  async get(
    ids: DeploymentIds,
    waitMs: number,
    { person, signal }: { person: string; signal: AbortSignal },
  ): Promise<Propagation> {
    const violations = new Violations();
    const { propagationWaitMsMax } = LIMITS;
    const fits = waitMs >= 0 && waitMs <= propagationWaitMsMax;
    violations.unless(fits, "wait_ms", `must be from 0 to ${propagationWaitMsMax}`);
    violations.throwIfAny();
    const leave = this.#places.enter(person);
    if (!leave) throw exhausted();
    try {
      return await this.#wait(ids, performance.now() + waitMs, signal);
    } finally {
      leave();
    }
  }

  async #wait(ids: DeploymentIds, deadlineMs: number, signal: AbortSignal): Promise<Propagation> {
    const key = formatName("deployment", { ...ids });
    for (;;) {
      const propagation = await this.#looks.ask(key, () => this.#look(ids));
      const isDone = propagation.afterMs !== undefined || performance.now() >= deadlineMs;
      if (isDone) return propagation;
      signal.throwIfAborted();
      await delay(LIMITS.propagationPollMs);
    }
  }

  async #look(ids: DeploymentIds): Promise<Propagation> {
    const { sql, link, gateways } = this.#deps;
    const environment = ids.environment as Environment;
    const deployment = await query(async () => {
      const { label } = await getGroup(sql, ids.project, ids.group);
      return getDeployment(sql, { label, environment });
    });
    checkReleased(deployment);
    const answers = await gateways.ask(link, hostLabel(deployment.label, environment));
    const sinceMs = (await query(() => databaseNow(sql))).getTime() - deployment.updatedAt.getTime();
    const all = answers.map(({ gateway, generation, release, servedForMs }) => {
      const isCurrent = generation >= deployment.generation;
      return { gateway, release, isCurrent, afterMs: isCurrent ? Math.max(0, sinceMs - servedForMs) : undefined };
    });
    const current = all.filter(({ isCurrent }) => isCurrent);
    const isDone = all.length > 0 && current.length === all.length;
    return {
      release: deployment.release!,
      gateways: all,
      serving: current.length,
      afterMs: isDone ? Math.max(...current.map(({ afterMs }) => afterMs!)) : undefined,
    };
  }
}

function exhausted(): PlatformError {
  const message = `At most ${LIMITS.propagations.ofOneMax} questions of a person how far a change has come are open at once; try again in a moment.`;
  return new PlatformError("resource_exhausted", message, { reason: "propagations_exhausted" });
}
