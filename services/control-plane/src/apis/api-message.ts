import { formatName } from "@millrace/names";
import {
  type ApiDefinition as ApiDefinitionMessage,
  type Api as ApiMessage,
  ArrayFormat as ArrayFormatMessage,
  MatchType,
  ParameterType as ParameterTypeMessage,
} from "@millrace/proto/control/v1/apis";
import { etagOf } from "@millrace/rpc";
import type { Api, ApiDefinition, ArrayFormat, Match, ParameterType } from "./api.ts";
import type { ApiDraft } from "./api-draft.ts";
import type { RevisionIds } from "./api-service.ts";
import { toBackendDraft, toBackendMessage } from "./backend-message.ts";
import { toBackendRequestDraft, toBackendRequestMessage } from "./backend-request-message.ts";
import { LOCATION_OF, LOCATIONS } from "./location-message.ts";

/** Unknown numbers of enumerations become words that no definition has. */
export function toDraft(message: ApiDefinitionMessage): ApiDraft {
  const { match, parameters, backend, backendRequest } = message;
  return {
    ...message,
    match: MATCH_OF[match] ?? "",
    parameters: parameters.map((parameter) => ({
      ...parameter,
      location: LOCATION_OF[parameter.location] ?? "",
      type: TYPE_OF[parameter.type] ?? "",
      arrayFormat: FORMAT_OF[parameter.arrayFormat] ?? "unknown",
    })),
    backend: backend && toBackendDraft(backend),
    backendRequest: backendRequest && toBackendRequestDraft(backendRequest),
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
  const { match, tags, parameters, requestBody, responseBody, otherResponses, backend, backendRequest } = definition;
  return {
    ...definition,
    match: MATCHES[match],
    tags: [...tags],
    parameters: parameters.map((parameter) => ({
      ...parameter,
      location: LOCATIONS[parameter.location],
      type: TYPES[parameter.type],
      arrayFormat: FORMATS[parameter.arrayFormat],
    })),
    requestBody: requestBody && { ...requestBody, others: [...requestBody.others] },
    responseBody: responseBody && { ...responseBody, others: [...responseBody.others] },
    otherResponses: otherResponses.map((response) => ({ ...response, contents: [...response.contents] })),
    backend: backend && toBackendMessage(project, backend),
    backendRequest: backendRequest && toBackendRequestMessage(backendRequest),
  };
}

const MATCHES: Readonly<Record<Match, MatchType>> = { exact: MatchType.EXACT, prefix: MatchType.PREFIX };
const MATCH_OF: Readonly<Partial<Record<MatchType, Match>>> = {
  [MatchType.UNSPECIFIED]: "exact",
  [MatchType.EXACT]: "exact",
  [MatchType.PREFIX]: "prefix",
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

const FORMATS: Readonly<Record<ArrayFormat | "", ArrayFormatMessage>> = {
  "": ArrayFormatMessage.UNSPECIFIED,
  repeated: ArrayFormatMessage.REPEATED,
  comma: ArrayFormatMessage.COMMA,
  space: ArrayFormatMessage.SPACE,
  pipe: ArrayFormatMessage.PIPE,
};
const FORMAT_OF: Readonly<Partial<Record<ArrayFormatMessage, ArrayFormat | "">>> = {
  [ArrayFormatMessage.UNSPECIFIED]: "",
  [ArrayFormatMessage.REPEATED]: "repeated",
  [ArrayFormatMessage.COMMA]: "comma",
  [ArrayFormatMessage.SPACE]: "space",
  [ArrayFormatMessage.PIPE]: "pipe",
};
