import { HealthCheckResponse_ServingStatus, HealthService } from "@millrace/proto/google";
import type { RpcClient } from "@millrace/rpc";
import { HEALTH_FRESH_MS, HEALTH_TIMEOUT_MS } from "../limits.ts";

export interface ComponentHealth {
  name: string;
  up: boolean;
}

export interface HealthDeps {
  controlPlane: Pick<RpcClient, "call">;
  auth: Pick<RpcClient, "call">;
  gatewayUrl: URL;
}

/** Whether the parts of the platform answer; remembered for a moment, so that the public page costs them nothing. */
export class PlatformHealth {
  readonly #deps: HealthDeps;
  #known: Promise<ComponentHealth[]> | undefined;
  #knownUntilMs = 0;

  constructor(deps: HealthDeps) {
    this.#deps = deps;
  }

  read(nowMs = Date.now()): Promise<ComponentHealth[]> {
    if (this.#known === undefined || nowMs >= this.#knownUntilMs) {
      this.#knownUntilMs = nowMs + HEALTH_TIMEOUT_MS + HEALTH_FRESH_MS;
      this.#known = this.#ask().then((health) => {
        this.#knownUntilMs = nowMs + HEALTH_FRESH_MS;
        return health;
      });
    }
    return this.#known;
  }

  async #ask(): Promise<ComponentHealth[]> {
    const { controlPlane, auth, gatewayUrl } = this.#deps;
    const [controlPlaneUp, authUp, gatewayUp] = await Promise.all([
      serves(controlPlane),
      serves(auth),
      answersHttp(gatewayUrl),
    ]);
    return [
      { name: "gateway", up: gatewayUp },
      { name: "control-plane", up: controlPlaneUp },
      { name: "auth", up: authUp },
    ];
  }
}

async function serves(peer: Pick<RpcClient, "call">): Promise<boolean> {
  try {
    const { status } = await peer.call(HealthService.check, { service: "" }, { timeoutMs: HEALTH_TIMEOUT_MS });
    return status === HealthCheckResponse_ServingStatus.SERVING;
  } catch {
    return false;
  }
}

/** Any answer will do: without a deployment's host the gateway says 404. */
async function answersHttp(url: URL): Promise<boolean> {
  try {
    const answer = await fetch(url, { redirect: "manual", signal: AbortSignal.timeout(HEALTH_TIMEOUT_MS) });
    await answer.body?.cancel();
    return answer.status < 500;
  } catch {
    return false;
  }
}
