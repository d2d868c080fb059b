import { checkId, formatName, parseName } from "@millrace/names";
import {
  type Code as CodeMessage,
  CreateFunctionRequest,
  type FunctionConfig as FunctionConfigMessage,
  type FunctionMessage,
  type FunctionServiceService,
  HandlerShape,
} from "@millrace/proto/control/v1/functions";
import { etagOf, type HandlersOf, onceOf, pageOf, pageSizeOf } from "@millrace/rpc";
import { textAfter } from "../requests/paging.ts";
import { askedEgress, toEgressMessage } from "./egress-rpc.ts";
import { type Code, codeFits, type FunctionConfig, type FunctionDraft } from "./function.ts";
import type { AskedConfig } from "./function-config.ts";
import type { FunctionService } from "./function-service.ts";
import type { SecretService } from "./secret-service.ts";

type Handlers = HandlersOf<typeof FunctionServiceService>;

export function functionHandlers(
  functions: FunctionService,
  secrets: SecretService,
): Pick<
  Handlers,
  "createFunction" | "getFunction" | "listFunctions" | "updateFunction" | "deleteFunction" | "rotateSecret"
> {
  return {
    async createFunction(request, context) {
      const { project } = parseName("project", request.parent, "parent");
      const id = checkId("function", request.functionId, "function_id");
      const { description, versionsKept } = request;
      const asked = { description, config: request.config && askedConfig(request.config), versionsKept };
      const once = onceOf(context, request, CreateFunctionRequest);
      return toFunctionMessage(await functions.create(project, id, asked, once));
    },
    async getFunction({ name }) {
      const ids = parseName("function", name);
      return toFunctionMessage(await functions.get(ids.project, ids.function));
    },
    async listFunctions({ parent, search = "", pageSize, pageToken }) {
      const { project } = parseName("project", parent, "parent");
      const scope = `functions ${parent} ${search}`;
      const size = pageSizeOf(pageSize);
      const after = textAfter(scope, pageToken);
      const rows = await functions.list(project, search, after, size + 1);
      const { page, nextPageToken } = pageOf(rows, size, scope, ({ id }) => [id]);
      return { functions: page.map(toFunctionMessage), nextPageToken };
    },
    async rotateSecret({ name, key, value, etag }) {
      const ids = parseName("function", name);
      return toFunctionMessage(await secrets.rotate(ids.project, ids.function, { key, value, etag }));
    },
    async updateFunction({ name, description, config, versionsKept, etag }) {
      const ids = parseName("function", name);
      const change = { description, config: config && askedConfig(config), versionsKept };
      return toFunctionMessage(await functions.update(ids.project, ids.function, change, etag));
    },
    async deleteFunction({ name, etag }) {
      const ids = parseName("function", name);
      await functions.delete(ids.project, ids.function, etag);
      return {};
    },
  };
}

export function toFunctionMessage(draft: FunctionDraft): FunctionMessage {
  return {
    name: formatName("function", { project: draft.project, function: draft.id }),
    description: draft.description,
    config: toConfigMessage(draft.config),
    // Code that was tried with another handler must be uploaded again.
    code: draft.code && codeFits(draft.config, draft.code) ? toCodeMessage(draft.code) : undefined,
    latestVersion: draft.latestVersion,
    versionsKept: draft.versionsKept,
    createdAt: draft.createdAt,
    updatedAt: draft.updatedAt,
    etag: etagOf(draft.version),
  };
}

/** Secrets show their keys only. */
export function toConfigMessage(config: FunctionConfig): FunctionConfigMessage {
  const { sealedSecrets, environment, egress, ...settings } = config;
  const secrets = Object.fromEntries(Object.keys(sealedSecrets).map((key) => [key, ""]));
  return { ...settings, environment: { ...environment }, secrets, egress: toEgressMessage(egress) };
}

export function toCodeMessage({ digest, uploadDigest, sizeBytes, shape, exports, uploadedAt }: Code): CodeMessage {
  return { digest, uploadDigest, sizeBytes, shape: SHAPES[shape], exports: [...exports], uploadedAt };
}

const SHAPES = { handler: HandlerShape.HANDLER, fetch: HandlerShape.FETCH } as const;

function askedConfig(config: FunctionConfigMessage): AskedConfig {
  return { ...config, egress: config.egress && askedEgress(config.egress) };
}
