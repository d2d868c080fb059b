import {
  BatchTakeOfflineResponse,
  DeploymentServiceService,
  DiffReleaseResponse,
  HistoryEntry,
  HistoryEntry_Kind as Kind,
  Propagation,
} from "@millrace/proto/control/v1/deployments";
import { Option } from "commander";
import type { Noun } from "../command-line.ts";
import type { Context } from "../context.ts";
import { readNewestRevision } from "../deploy/current.ts";
import { EXIT } from "../exit-codes.ts";
import { PROPAGATION_WAIT_MS } from "../limits.ts";
import { type Answer, done, idOf, many, type View } from "../output/answer.ts";
import { differencesText } from "../output/differences.ts";
import { tableText } from "../output/table.ts";
import { type DeploymentOptions, deploymentName, environmentOption, groupOption } from "./options.ts";

// What a release would change, what has happened to a deployment, and how far the newest change has come.

const KINDS: Readonly<Record<number, string>> = {
  [Kind.RELEASED]: "released",
  [Kind.ROLLED_BACK]: "rolled back",
  [Kind.TAKEN_OFFLINE]: "offline",
  [Kind.BROUGHT_ONLINE]: "online",
  [Kind.ALIAS_MOVED]: "alias moved",
};

const historyView: View<HistoryEntry> = {
  json: HistoryEntry.toJSON,
  cells: {
    time: ({ time }) => time,
    what: ({ kind }) => KINDS[kind],
    release: ({ release }) => release || undefined,
    revision: ({ revision }) => revision,
    "rollback of": ({ rollbackOf }) => rollbackOf || undefined,
    author: ({ author }) => author,
    detail: ({ detail }) => detail,
  },
};

export function registerProgress(releases: Noun): void {
  const options = () => [groupOption(), environmentOption()];
  releases
    .command<DeploymentOptions & { revision?: string }>({
      usage: "diff",
      description: "show what a release would change for callers; changes nothing",
      options: [...options(), new Option("-r, --revision <n.n.n>", "the revision (default: the newest)")],
      async run({ call, platform, project }, _, { revision, ...asked }) {
        const newest = () => readNewestRevision(platform, `${project}/groups/${asked.group}`);
        const id = revision ?? idOf((await newest()).name);
        const kept = { environmentBackend: undefined, routingRules: undefined };
        const request = { name: deploymentName(project, asked), revision: id, ...kept };
        const response = await call(DeploymentServiceService.diffRelease, request);
        const from =
          response.release === 0 ? "nothing released yet" : `release ${response.release} (${response.revision})`;
        const text = `${from} -> ${id}\n${differencesText(response.apis)}`;
        return done(DiffReleaseResponse.toJSON(response) as object, text);
      },
    })
    .command<DeploymentOptions>({
      usage: "history",
      description: "list releases, rollbacks, moved aliases, offline and online, newest first",
      options: options(),
      async run({ listAll, project }, _, asked) {
        const request = { parent: deploymentName(project, asked), pageSize: 0, pageToken: "" };
        const { listDeploymentHistory } = DeploymentServiceService;
        return many(historyView, "entries", await listAll(listDeploymentHistory, request, (page) => page.entries));
      },
    })
    .command<DeploymentOptions & { wait?: boolean }>({
      usage: "propagation",
      description: "show which gateways serve the newest change",
      options: [...options(), new Option("--wait", "until all of them do")],
      async run(context, _, { wait, ...asked }) {
        return propagationAnswer(await propagationOf(context, asked, wait === true));
      },
    })
    .command<{ env: string }>({
      usage: "offline-all <group...>",
      description: "take several groups offline in an environment, each by itself",
      options: [environmentOption()],
      async run({ call, project }, args, { env }) {
        const groups = (args as unknown as [string[]])[0];
        const names = groups.map((group) => deploymentName(project, { group, env }));
        const response = await call(DeploymentServiceService.batchTakeOffline, { parent: project, names });
        const rows = response.outcomes.map(({ message }, i) => [groups[i]!, message === "" ? "offline" : message]);
        const failed = response.outcomes.some(({ reason }) => reason !== "");
        const json = BatchTakeOfflineResponse.toJSON(response);
        return { json, text: tableText(["group", "outcome"], rows), exitCode: failed ? EXIT.failed : EXIT.ok };
      },
    });
}

export function propagationOf(
  { call, project }: Context,
  asked: DeploymentOptions,
  wait: boolean,
): Promise<Propagation> {
  const request = { name: deploymentName(project, asked), waitMs: wait ? PROPAGATION_WAIT_MS : 0 };
  return call(DeploymentServiceService.getPropagation, request);
}

/** In one sentence. */
export function propagationText({ release, serving, total, afterMs }: Propagation): string {
  const after = afterMs === undefined ? "" : ` after ${Math.round(afterMs)} ms`;
  return `release ${release} is on ${serving} of ${total} ${total === 1 ? "gateway" : "gateways"}${after}`;
}

function propagationAnswer(propagation: Propagation): Answer {
  const rows = propagation.gateways.map(({ gateway, release, isCurrent, afterMs }) => [
    gateway,
    release === 0 ? "" : String(release),
    isCurrent ? "yes" : "no",
    afterMs === undefined ? "" : String(Math.round(afterMs)),
  ]);
  const table = rows.length === 0 ? "" : `\n${tableText(["gateway", "release", "current", "after ms"], rows)}`;
  const isDone = propagation.afterMs !== undefined;
  return {
    json: Propagation.toJSON(propagation),
    text: propagationText(propagation) + table,
    exitCode: isDone ? EXIT.ok : EXIT.failed,
  };
}
