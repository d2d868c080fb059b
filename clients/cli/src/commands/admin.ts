import { AdminServiceService, ReprojectResponse, Runner } from "@millrace/proto/control/v1/admin";
import type { Registry } from "../command-line.ts";
import { many, one, type View } from "../output/answer.ts";

const REPROJECT_TIMEOUT_MS = 60_000;

const reprojectView: View<ReprojectResponse> = {
  json: ReprojectResponse.toJSON,
  cells: {
    deployments: ({ deployments }) => deployments,
    "function versions": ({ functionVersions }) => functionVersions,
    aliases: ({ aliases }) => aliases,
    artifacts: ({ artifacts }) => artifacts,
    grants: ({ grants }) => grants,
  },
};

const runnerView: View<Runner> = {
  json: Runner.toJSON,
  cells: {
    id: ({ id }) => id,
    isolation: ({ isolationTier }) => isolationTier,
    slots: ({ slots }) => slots,
    busy: ({ slotsBusy }) => slotsBusy,
    draining: ({ draining }) => draining,
    "last beat": ({ lastBeatAt }) => lastBeatAt,
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
      async run({ call }) {
        return many(runnerView, "runners", (await call(AdminServiceService.listRunners, {})).runners);
      },
    });
}
