import type { BackendRequest } from "../apis/api.ts";
import { LOCATIONS } from "../apis/api.ts";
import type { BackendRequestDraft } from "../apis/backend-request-draft.ts";
import { isObject, type JsonObject } from "./document.ts";
import type { Located } from "./references.ts";
import { type ImportReport, pointerTo } from "./report.ts";

// `x-millrace-backend-request` of an operation. Places are `path.name`, `query.name` and `header.name`.
//
//   {method?, path?, parameters?: {<place>: <place at the backend>}, constants?: {<place at the backend>: text}}

export const BACKEND_REQUEST_EXTENSION = "x-millrace-backend-request";

const KEYS = ["method", "path", "parameters", "constants"];
const PLACE_FAULT = `must be a place: ${LOCATIONS.map((location) => `${location}.name`).join(", ")}`;

export function readBackendRequestExtension(
  { value, pointer: operation }: Located,
  report: ImportReport,
): BackendRequestDraft | undefined {
  const extension = value[BACKEND_REQUEST_EXTENSION];
  if (extension === undefined) return undefined;
  const pointer = pointerTo(operation, BACKEND_REQUEST_EXTENSION);
  if (!isObject(extension)) {
    report.fault(pointer, `must be {${KEYS.join("?, ")}?}`);
    return undefined;
  }
  for (const key of Object.keys(extension))
    if (!KEYS.includes(key)) report.fault(pointerTo(pointer, key), `is not known here; there are ${KEYS.join(", ")}`);
  const { method = "", path = "" } = extension;
  if (typeof method !== "string") report.fault(pointerTo(pointer, "method"), "must be a method");
  if (typeof path !== "string") report.fault(pointerTo(pointer, "path"), "must be a path");
  const parameters = readTexts(extension, "parameters", pointer, report).flatMap(([from, to, at]) => {
    const source = placeOf(from, at, report);
    const target = placeOf(to, at, report);
    return source && target ? [{ ...source, backendName: target.name, backendLocation: target.location }] : [];
  });
  const constants = readTexts(extension, "constants", pointer, report).flatMap(([to, text, at]) => {
    const target = placeOf(to, at, report);
    return target ? [{ ...target, value: text }] : [];
  });
  return { method: String(method), path: String(path), parameters, constants };
}

/** What an import reads as this request. */
export function toBackendRequestExtension({ method, path, parameters, constants }: BackendRequest): JsonObject {
  const moves = parameters.map(
    ({ location, name, backendLocation, backendName }) =>
      [`${location}.${name}`, `${backendLocation}.${backendName}`] as const,
  );
  const texts = constants.map(({ location, name, value }) => [`${location}.${name}`, value] as const);
  return {
    ...(method !== "" && { method }),
    ...(path !== "" && { path }),
    ...(moves.length > 0 && { parameters: Object.fromEntries(moves) }),
    ...(texts.length > 0 && { constants: Object.fromEntries(texts) }),
  };
}

function readTexts(
  extension: JsonObject,
  key: string,
  pointer: string,
  report: ImportReport,
): [string, string, string][] {
  const { [key]: map = {} } = extension;
  const at = pointerTo(pointer, key);
  if (!isObject(map)) {
    report.fault(at, "must map places to texts");
    return [];
  }
  return Object.entries(map).flatMap(([name, text]): [string, string, string][] => {
    if (typeof text === "string") return [[name, text, pointerTo(at, name)]];
    report.fault(pointerTo(at, name), "must be text");
    return [];
  });
}

function placeOf(text: string, at: string, report: ImportReport): { location: string; name: string } | undefined {
  const dot = text.indexOf(".");
  if (dot > 0) return { location: text.slice(0, dot), name: text.slice(dot + 1) };
  report.fault(at, PLACE_FAULT);
  return undefined;
}
