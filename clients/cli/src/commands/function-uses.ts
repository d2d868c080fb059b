import { resolve } from "node:path";
import { text } from "node:stream/consumers";
import { ApiUse, DeploymentUse, FunctionServiceService } from "@millrace/proto/control/v1/functions";
import { Option } from "commander";
import type { Noun } from "../command-line.ts";
import { done, idOf, many, type View } from "../output/answer.ts";
import { readText } from "../terminal.ts";

const apiView: View<ApiUse> = {
  json: ApiUse.toJSON,
  cells: {
    api: ({ api }) =>
      api
        .split("/")
        .slice(3)
        .filter((_, i) => i % 2 === 0)
        .join(" "),
    method: ({ method }) => method,
    path: ({ path }) => path,
    calls: ({ qualifier }) => qualifier,
    served: ({ environments }) => environments,
  },
};

const deploymentView: View<DeploymentUse> = {
  json: DeploymentUse.toJSON,
  cells: {
    group: ({ deployment }) => deployment.split("/")[3],
    environment: ({ deployment }) => idOf(deployment),
    release: ({ release }) => release,
    state: ({ serving }) => (serving ? "serving" : "offline"),
    calls: ({ qualifiers }) => qualifiers,
  },
};

/** Who uses a function, and its secrets. */
export function registerUses(functions: Noun): void {
  functions
    .command({
      usage: "uses <id>",
      description: "list the APIs and the deployments that call a function",
      async run({ listAll, project }, [id]) {
        const request = { name: `${project}/functions/${id}`, pageSize: 0, pageToken: "" };
        const { listFunctionApis, listFunctionDeployments } = FunctionServiceService;
        const apis = many(apiView, "apis", await listAll(listFunctionApis, request, (page) => page.apis));
        const found = await listAll(listFunctionDeployments, request, (page) => page.deployments);
        const deployments = many(deploymentView, "deployments", found);
        return done(
          { ...(apis.json as object), ...(deployments.json as object) },
          `${apis.text}\n\n${deployments.text}`,
        );
      },
    })
    .command<{ valueFile: string }>({
      usage: "rotate-secret <id> <KEY>",
      description: "give a secret another value, in the draft and in every version that has it",
      options: [
        new Option("--value-file <file>", "read the value from a file, - for standard input").makeOptionMandatory(),
      ],
      async run({ call, project, terminal }, [id, key = ""], { valueFile }) {
        const read =
          valueFile === "-" ? await text(terminal.stdin) : readText(resolve(terminal.cwd, valueFile), "--value-file");
        const request = { name: `${project}/functions/${id}`, key, value: read.replace(/\r?\n$/, ""), etag: "" };
        await call(FunctionServiceService.rotateSecret, request);
        return done({ rotated: key }, `${key} has another value; instances with the old one are replaced`);
      },
    });
}
