import { ENVIRONMENTS, formatName, parseName } from "@millrace/names";
import type { FunctionServiceService } from "@millrace/proto/control/v1/functions";
import { type HandlersOf, pageOf, pageSizeOf } from "@millrace/rpc";
import { placeAfter } from "../requests/paging.ts";
import { revisionText } from "../revisions/revision.ts";
import type { UseService } from "./use-service.ts";

type Handlers = HandlersOf<typeof FunctionServiceService>;

export function useHandlers(uses: UseService): Pick<Handlers, "listFunctionApis" | "listFunctionDeployments"> {
  return {
    async listFunctionApis({ name, pageSize, pageToken }) {
      const ids = parseName("function", name);
      const scope = `apis of ${name}`;
      const size = pageSizeOf(pageSize);
      const [label = "", revision = "0", id = ""] = placeAfter(scope, pageToken, [/^[a-z0-9]{12}$/, /^\d{1,9}$/, /^/]);
      const after = { label, revision: Number(revision), id };
      const rows = await uses.apis(ids.project, ids.function, after, size + 1);
      const { page, nextPageToken } = pageOf(rows, size, scope, (row) => [row.label, String(row.revision), row.id]);
      const apis = page.map((row) => ({
        api: formatName("api", {
          project: ids.project,
          group: row.group,
          revision: revisionText(row.revision),
          api: row.id,
        }),
        method: row.method,
        path: row.path,
        qualifier: row.qualifier,
        environments: ENVIRONMENTS.filter((environment) => row.environments.includes(environment)),
      }));
      return { apis, nextPageToken };
    },
    async listFunctionDeployments({ name, pageSize, pageToken }) {
      const ids = parseName("function", name);
      const scope = `deployments of ${name}`;
      const size = pageSizeOf(pageSize);
      const [label = "", environment = ""] = placeAfter(scope, pageToken, [/^[a-z0-9]{12}$/, /^[a-z]{4,7}$/]);
      const rows = await uses.deployments(ids.project, ids.function, { label, environment }, size + 1);
      const { page, nextPageToken } = pageOf(rows, size, scope, (row) => [row.label, row.environment]);
      const deployments = page.map(({ group, environment: of, release, state, qualifiers }) => ({
        deployment: formatName("deployment", { project: ids.project, group, environment: of }),
        release,
        serving: state === "serving",
        qualifiers,
      }));
      return { deployments, nextPageToken };
    },
  };
}
