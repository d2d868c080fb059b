import { hostLabel, parseName } from "@millrace/names";
import type { DeploymentLookupServiceService } from "@millrace/proto/control/v1/internal";
import type { HandlersOf } from "@millrace/rpc";
import type { DeploymentService } from "./deployment-service.ts";

export function deploymentLookupHandlers(
  deployments: DeploymentService,
): HandlersOf<typeof DeploymentLookupServiceService> {
  return {
    async lookupDeployment({ name }) {
      const { label, environment } = await deployments.lookUp(parseName("deployment", name));
      return { hostLabel: hostLabel(label, environment) };
    },
  };
}
