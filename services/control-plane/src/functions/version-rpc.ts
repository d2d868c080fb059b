import { formatName, parseName } from "@millrace/names";
import type { FunctionServiceService, FunctionVersion as VersionMessage } from "@millrace/proto/control/v1/functions";
import { type HandlersOf, pageOf, pageSizeOf } from "@millrace/rpc";
import { INTEGER_MAX, numbersAfter } from "../requests/paging.ts";
import { type FunctionVersion, runSettings } from "./function.ts";
import { toCodeMessage, toConfigMessage } from "./function-rpc.ts";
import type { VersionService } from "./version-service.ts";

type Handlers = HandlersOf<typeof FunctionServiceService>;

export function versionHandlers(
  versions: VersionService,
): Pick<Handlers, "publishVersion" | "getFunctionVersion" | "listFunctionVersions" | "deleteFunctionVersion"> {
  return {
    async publishVersion({ name, description }) {
      const ids = parseName("function", name);
      return toMessage(ids, await versions.publish(ids.project, ids.function, description));
    },
    async getFunctionVersion({ name }) {
      const ids = parseName("functionVersion", name);
      return toMessage(ids, await versions.get(ids.project, ids.function, Number(ids.version)));
    },
    async listFunctionVersions({ parent, pageSize, pageToken }) {
      const ids = parseName("function", parent, "parent");
      const scope = `versions ${parent}`;
      const size = pageSizeOf(pageSize);
      const [before = INTEGER_MAX] = numbersAfter(scope, pageToken, [INTEGER_MAX]) ?? [];
      const rows = await versions.list(ids.project, ids.function, before, size + 1);
      const { page, nextPageToken } = pageOf(rows, size, scope, ({ number }) => [String(number)]);
      return { versions: page.map((version) => toMessage(ids, version)), nextPageToken };
    },
    async deleteFunctionVersion({ name }) {
      const ids = parseName("functionVersion", name);
      await versions.delete(ids.project, ids.function, Number(ids.version));
      return {};
    },
  };
}

/** Shows what is run: defaults that depend on the code are filled in. */
function toMessage(ids: { project: string; function: string }, version: FunctionVersion): VersionMessage {
  const { number, description, code, createdAt } = version;
  const { concurrency } = runSettings(version.config, code);
  return {
    name: formatName("functionVersion", { project: ids.project, function: ids.function, version: String(number) }),
    number,
    description,
    config: { ...toConfigMessage(version.config), concurrency },
    code: toCodeMessage(code),
    createdAt,
  };
}
