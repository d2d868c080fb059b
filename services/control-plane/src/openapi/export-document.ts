import type { Api, Content, Parameter, Response } from "../apis/api.ts";
import { isFormType, isJsonSchema, isJsonType } from "../apis/draft-text.ts";
import { DIALECTS, dialectOf } from "../apis/schema-dialect.ts";
import type { Group } from "../groups/group.ts";
import { styleOf } from "./array-format.ts";
import { BACKEND_EXTENSION, toBackendExtension } from "./backend-extension.ts";
import { BACKEND_REQUEST_EXTENSION, toBackendRequestExtension } from "./backend-request-extension.ts";
import { isObject, type JsonObject } from "./document.ts";
import { MATCH_EXTENSION } from "./operations.ts";
import { documentPath, PATH_EXTENSION, PathItems } from "./path-items.ts";
import { PLATFORM_ANSWER, PLATFORM_COMPONENTS, securityOf } from "./platform-parts.ts";
import { PLATFORM_EXTENSION } from "./report.ts";
import { SchemaComponents } from "./schema-components.ts";
import { EXAMPLE_EXTENSION, TEXT_EXTENSION } from "./tools.ts";

export interface Exported {
  group: Pick<Group, "id" | "description" | "prefix" | "access">;
  /** `n.n.n` */
  revision: string;
  /** By id. */
  apis: readonly Pick<Api, "id" | "definition">[];
  /** Without the group's prefix; none for a document that says only the prefix. */
  servers: readonly { url: string; description: string }[];
}

/** An OpenAPI 3.1 document of a revision; an import makes the same APIs of it. Equal for what is equal. */
export function exportDocument({ group, revision, apis, servers }: Exported): JsonObject {
  const schemas = new SchemaComponents();
  const paths = new PathItems();
  const tags = new Set<string>();
  const { security, securitySchemes } = securityOf(group.access);
  for (const api of apis) {
    const path = paths.place(api.definition);
    paths.add(path, api.definition.method, operationOf(api, path, schemas));
    for (const tag of api.definition.tags) tags.add(tag);
  }
  const prefix = group.prefix === "" ? "" : `/${group.prefix}`;
  return {
    openapi: "3.1.0",
    info: {
      title: group.id,
      version: revision,
      ...(group.description !== "" && { description: group.description }),
    },
    servers: serversOf(servers, prefix),
    security,
    ...(tags.size > 0 && { tags: [...tags].toSorted().map((name) => ({ name })) }),
    paths: paths.all(),
    components: {
      ...(Object.keys(schemas.all()).length > 0 && { schemas: schemas.all() }),
      ...PLATFORM_COMPONENTS,
      ...(securitySchemes && { securitySchemes }),
    },
  };
}

function serversOf(servers: Exported["servers"], prefix: string): JsonObject[] {
  const all = servers.map(({ url, description }) => ({ url: url + prefix, description }));
  return (all.length > 0 ? all : [{ url: prefix || "/" }]).map((server) => ({ ...server, [PLATFORM_EXTENSION]: true }));
}

function operationOf(
  { id, definition }: Pick<Api, "id" | "definition">,
  path: string,
  schemas: SchemaComponents,
): JsonObject {
  const { match, summary, description, tags, deprecated, parameters, requestBody, backend, backendRequest } =
    definition;
  const renamed = namesAlong(definition.path, path);
  return {
    operationId: id,
    // Linters want one; an import takes the id for none.
    summary: summary || id,
    ...(description !== "" && { description }),
    ...(tags.length > 0 && { tags: [...tags] }),
    ...(deprecated && { deprecated }),
    ...(match === "prefix" && { [MATCH_EXTENSION]: match }),
    ...(documentPath(definition) !== path && { [PATH_EXTENSION]: definition.path }),
    ...(backend && { [BACKEND_EXTENSION]: toBackendExtension(backend) }),
    ...(backendRequest && { [BACKEND_REQUEST_EXTENSION]: toBackendRequestExtension(backendRequest) }),
    ...(parameters.length > 0 && { parameters: parameters.map((each) => parameterOf(each, { id, renamed, schemas })) }),
    ...(requestBody && {
      requestBody: {
        ...(requestBody.description !== "" && { description: requestBody.description }),
        ...(requestBody.required && { required: true }),
        content: contentOf([requestBody, ...requestBody.others], `${id}_request`, schemas),
      },
    }),
    responses: responsesOf(id, definition, schemas),
  };
}

/** What the parameters of a path are called in the document, where another API's path has the place already. */
function namesAlong(own: string, path: string): ReadonlyMap<string, string> {
  const names = (text: string) => [...text.matchAll(/\{([^{}]+)\}/g)].map(([, name]) => name!);
  const given = names(path);
  return new Map(names(own).map((name, i) => [name, given[i] ?? name]));
}

function parameterOf(
  { name, location, type, required, description, deprecated, ...texts }: Parameter,
  { id, renamed, schemas }: { id: string; renamed: ReadonlyMap<string, string>; schemas: SchemaComponents },
): JsonObject {
  const { schemaJson, defaultJson, exampleJson, arrayFormat } = texts;
  const bounds: unknown = schemaJson === "" ? {} : JSON.parse(schemaJson);
  const isInline = fitsOpenApi(bounds);
  const schema = {
    ...(isInline && (bounds as object)),
    type,
    ...(defaultJson !== "" && { default: JSON.parse(defaultJson) as unknown }),
  };
  return {
    name: location === "path" ? (renamed.get(name) ?? name) : name,
    in: location,
    ...(required && { required }),
    ...(description !== "" && { description }),
    ...(deprecated && { deprecated }),
    ...styleOf(arrayFormat, location),
    schema: schemas.place(schema, `${id}_${location}_${name}`),
    ...(!isInline && { [TEXT_EXTENSION]: schemaJson }),
    ...(exampleJson !== "" && { example: JSON.parse(exampleJson) as unknown }),
  };
}

function responsesOf(id: string, definition: Api["definition"], schemas: SchemaComponents): JsonObject {
  const { responseStatus, responseDescription, responseBody, otherResponses } = definition;
  const contents = responseBody ? [responseBody, ...responseBody.others] : [];
  const normal = { status: responseStatus, description: responseDescription, contents };
  const all = responseStatus === "" ? otherResponses : [normal, ...otherResponses];
  const responses: [string, JsonObject][] = all.map((response) => [
    response.status,
    responseOf(response, `${id}_${response.status}`, schemas),
  ]);
  const needsDefault = all.every(({ status }) => status !== "default");
  return Object.fromEntries(needsDefault ? [...responses, ["default", PLATFORM_ANSWER]] : responses);
}

function responseOf(
  { description, contents }: Omit<Response, "status">,
  hint: string,
  schemas: SchemaComponents,
): JsonObject {
  return {
    description,
    ...(contents.length > 0 && { content: contentOf(contents, hint, schemas) }),
  };
}

function contentOf(contents: readonly Content[], hint: string, schemas: SchemaComponents): JsonObject {
  return Object.fromEntries(contents.map((content) => [content.mediaType, mediaOf(content, hint, schemas)]));
}

function mediaOf({ mediaType, schema, example }: Content, hint: string, schemas: SchemaComponents): JsonObject {
  const isTyped = isJsonType(mediaType) || isFormType(mediaType);
  const written: unknown = schema !== "" && isJsonSchema(schema) ? JSON.parse(schema) : undefined;
  const isInline = written !== undefined && fitsOpenApi(written);
  const exampleKey = isInline ? EXAMPLE_EXTENSION : "example";
  return {
    ...(isInline ? { schema: schemas.place(written, hint) } : schema !== "" && { [TEXT_EXTENSION]: schema }),
    ...(example !== "" && (isTyped ? { example: JSON.parse(example) as unknown } : { [exampleKey]: example })),
  };
}

/** Readers of OpenAPI 3.1 take any schema for one of 2020-12; what that would not understand stands there as text. */
function fitsOpenApi(schema: unknown): boolean {
  if (!isObject(schema)) return false;
  const dialect = dialectOf(schema.$schema);
  return dialect === DIALECTS[0] || (dialect === DIALECTS[1] && !hasTuple(schema));
}

function hasTuple(schema: unknown): boolean {
  if (typeof schema !== "object" || schema === null) return false;
  return (isObject(schema) && Array.isArray(schema.items)) || Object.values(schema).some(hasTuple);
}
