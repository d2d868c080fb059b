import { formatName } from "@millrace/names";
import {
  type ApiDefinition as ApiDefinitionMessage,
  type Api as ApiMessage,
  MatchType,
  ParameterLocation,
  ParameterType as ParameterTypeMessage,
} from "@millrace/proto/control/v1/apis";
import { etagOf } from "@millrace/rpc";
import type { Api, ApiDefinition, Location, Match, ParameterType } from "./api.ts";
import type { ApiDraft } from "./api-draft.ts";
import type { RevisionIds } from "./api-service.ts";
import { toBackendDraft, toBackendMessage } from "./backend-message.ts";

/** Unknown numbers of enumerations become words that no definition has. */
export function toDraft(message: ApiDefinitionMessage): ApiDraft {
  const { method, path, match, description, parameters, requestBody, responseBody, backend } = message;
  return {
    method,
    path,
    match: MATCH_OF[match] ?? "",
    description,
    parameters: parameters.map((parameter) => ({
      ...parameter,
      location: LOCATION_OF[parameter.location] ?? "",
      type: TYPE_OF[parameter.type] ?? "",
    })),
    requestBody,
    responseBody,
    backend: backend && toBackendDraft(backend),
  };
}

export function toApiMessage(ids: RevisionIds, api: Api): ApiMessage {
  return {
    name: formatName("api", { ...ids, api: api.id }),
    uid: api.uid,
    definition: toDefinitionMessage(ids.project, api.definition),
    createdAt: api.createdAt,
    updatedAt: api.updatedAt,
    etag: etagOf(api.version),
  };
}

function toDefinitionMessage(project: string, definition: ApiDefinition): ApiDefinitionMessage {
  const { method, path, match, description, parameters, requestBody, responseBody, backend } = definition;
  return {
    method,
    path,
    match: MATCHES[match],
    description,
    parameters: parameters.map((parameter) => ({
      ...parameter,
      location: LOCATIONS[parameter.location],
      type: TYPES[parameter.type],
    })),
    requestBody,
    responseBody,
    backend: backend && toBackendMessage(project, backend),
  };
}

const MATCHES: Readonly<Record<Match, MatchType>> = { exact: MatchType.EXACT, prefix: MatchType.PREFIX };
const MATCH_OF: Readonly<Partial<Record<MatchType, Match>>> = {
  [MatchType.UNSPECIFIED]: "exact",
  [MatchType.EXACT]: "exact",
  [MatchType.PREFIX]: "prefix",
};

const LOCATIONS: Readonly<Record<Location, ParameterLocation>> = {
  path: ParameterLocation.PATH,
  query: ParameterLocation.QUERY,
  header: ParameterLocation.HEADER,
};
const LOCATION_OF: Readonly<Partial<Record<ParameterLocation, Location>>> = {
  [ParameterLocation.PATH]: "path",
  [ParameterLocation.QUERY]: "query",
  [ParameterLocation.HEADER]: "header",
};

const TYPES: Readonly<Record<ParameterType, ParameterTypeMessage>> = {
  string: ParameterTypeMessage.STRING,
  integer: ParameterTypeMessage.INTEGER,
  number: ParameterTypeMessage.NUMBER,
  boolean: ParameterTypeMessage.BOOLEAN,
  array: ParameterTypeMessage.ARRAY,
};
const TYPE_OF: Readonly<Partial<Record<ParameterTypeMessage, ParameterType>>> = {
  [ParameterTypeMessage.STRING]: "string",
  [ParameterTypeMessage.INTEGER]: "integer",
  [ParameterTypeMessage.NUMBER]: "number",
  [ParameterTypeMessage.BOOLEAN]: "boolean",
  [ParameterTypeMessage.ARRAY]: "array",
};
