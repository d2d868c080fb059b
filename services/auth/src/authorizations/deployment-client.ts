import { PlatformError } from "@millrace/errors";
import { DeploymentLookupServiceService } from "@millrace/proto/control/v1/internal";
import type { RpcClient } from "@millrace/rpc";
import { WAITS } from "../limits.ts";

/** Where a deployment is, as control-plane knows it. */
export interface DeploymentLookup {
  /** The first label of the deployment's host. Errors: `not_found` deployment_not_found, `unavailable` control_plane_unavailable. */
  hostLabelOf(deployment: string): Promise<string>;
}

export class DeploymentClient implements DeploymentLookup {
  readonly #client: Pick<RpcClient, "call">;

  constructor(client: Pick<RpcClient, "call">) {
    this.#client = client;
  }

  async hostLabelOf(deployment: string): Promise<string> {
    const { lookupDeployment } = DeploymentLookupServiceService;
    try {
      const answer = await this.#client.call(
        lookupDeployment,
        { name: deployment },
        { timeoutMs: WAITS.lookupTimeoutMs },
      );
      return answer.hostLabel;
    } catch (error) {
      const failure = PlatformError.from(error);
      // Anything else is between the services; it must not look as if it were the caller's fault.
      throw failure.code === "not_found" ? failure : unavailable(failure);
    }
  }
}

function unavailable(cause: PlatformError): PlatformError {
  return new PlatformError("unavailable", "The deployment cannot be looked up just now; try again.", {
    reason: "control_plane_unavailable",
    cause,
  });
}
