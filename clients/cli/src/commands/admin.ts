import { AdminServiceService, ReprojectResponse } from "@millrace/proto/control/v1/admin";
import type { Registry } from "../command-line.ts";
import { one, type View } from "../output/answer.ts";
import { listRunners } from "./runner.ts";

const REPROJECT_TIMEOUT_MS = 60_000;

const reprojectView: View<ReprojectResponse> = {
  json: ReprojectResponse.toJSON,
  cells: {
    deployments: ({ deployments }) => deployments,
    "function versions": ({ functionVersions }) => functionVersions,
    aliases: ({ aliases }) => aliases,
    domains: ({ domains }) => domains,
    artifacts: ({ artifacts }) => artifacts,
    grants: ({ grants }) => grants,
  },
};

export function registerAdmin(registry: Registry): void {
  registry
    .noun("admin", "what operators do")
    .command({
      usage: "reproject",
      description: "rebuild everything that gateways and runners read, while it is being served",
      async run({ call }) {
        return one(reprojectView, await call(AdminServiceService.reproject, {}, { timeoutMs: REPROJECT_TIMEOUT_MS }));
      },
    })
    .command({
      usage: "runners",
      description: "list the runners that have reported lately",
      run: listRunners,
    });
}
