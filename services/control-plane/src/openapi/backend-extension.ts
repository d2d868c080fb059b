import { formatName } from "@millrace/names";
import { type Backend, LATEST } from "../apis/api.ts";
import type { BackendDraft } from "../apis/backend-draft.ts";
import { isObject, type JsonObject } from "./document.ts";
import type { Located } from "./references.ts";
import { type ImportReport, pointerTo } from "./report.ts";

// `x-millrace-backend` of an operation, a path or the document; the nearest counts.
//
//   {function: id, qualifier?: version | alias | LATEST, eventFormat?: jd | aws-1 | aws-2}
//   {mock: {status?, headers?, body?}}
//   {http: URL} or {http: {url, timeoutMs?, retries?, forwardHost?, signingKey?}}

export const BACKEND_EXTENSION = "x-millrace-backend";

/** The nearest one; `levels` go from the operation outwards. */
export function readBackendExtension(
  levels: readonly Located[],
  project: string,
  report: ImportReport,
): { draft: BackendDraft; pointer: string } | undefined {
  const level = levels.find(({ value }) => value[BACKEND_EXTENSION] !== undefined);
  if (!level) return undefined;
  const pointer = pointerTo(level.pointer, BACKEND_EXTENSION);
  const extension = level.value[BACKEND_EXTENSION];
  if (!isObject(extension)) {
    report.fault(pointer, "must be {function: …}, {http: …} or {mock: …}");
    return undefined;
  }
  const draft = readKind(extension, pointer, project, report);
  return draft && { draft, pointer };
}

function readKind(extension: JsonObject, pointer: string, project: string, report: ImportReport) {
  if ("mock" in extension) return readMock(extension, pointer, report);
  if ("http" in extension) return readHttp(extension, pointer, report);
  return readFunction(extension, pointer, project, report);
}

function readHttp(extension: JsonObject, pointer: string, report: ImportReport): BackendDraft | undefined {
  refuseOthers(extension, pointer, ["http"], report);
  const at = pointerTo(pointer, "http");
  const http = typeof extension.http === "string" ? { url: extension.http } : extension.http;
  if (!isObject(http)) {
    report.fault(at, "must be a URL or {url, timeoutMs?, retries?, forwardHost?}");
    return undefined;
  }
  refuseOthers(http, at, ["url", "timeoutMs", "retries", "forwardHost", "signingKey"], report);
  const { url, timeoutMs = 0, retries, forwardHost = false, signingKey = "" } = http;
  const isWhole = (value: unknown): value is number => Number.isInteger(value);
  if (typeof url !== "string") report.fault(pointerTo(at, "url"), "must be a URL");
  if (!isWhole(timeoutMs)) report.fault(pointerTo(at, "timeoutMs"), "must be a whole number");
  if (retries !== undefined && !isWhole(retries)) report.fault(pointerTo(at, "retries"), "must be a whole number");
  if (typeof forwardHost !== "boolean") report.fault(pointerTo(at, "forwardHost"), "must be true or false");
  if (typeof signingKey !== "string") report.fault(pointerTo(at, "signingKey"), "must be the id of an access key");
  if (typeof url !== "string" || !isWhole(timeoutMs)) return undefined;
  if (typeof forwardHost !== "boolean" || typeof signingKey !== "string") return undefined;
  return { kind: "http", url, timeoutMs, forwardHost, signingKey, ...(isWhole(retries) && { retries }) };
}

function readFunction(
  extension: JsonObject,
  pointer: string,
  project: string,
  report: ImportReport,
): BackendDraft | undefined {
  refuseOthers(extension, pointer, ["function", "qualifier", "eventFormat"], report);
  const { function: id, qualifier = "", eventFormat = "jd" } = extension;
  const text = typeof qualifier === "number" ? String(qualifier) : qualifier;
  if (typeof id !== "string") report.fault(pointerTo(pointer, "function"), "must be the id of a function");
  if (typeof text !== "string") report.fault(pointerTo(pointer, "qualifier"), "must be a version, an alias or LATEST");
  if (typeof eventFormat !== "string") report.fault(pointerTo(pointer, "eventFormat"), "must be jd, aws-1 or aws-2");
  if (typeof id !== "string" || typeof text !== "string" || typeof eventFormat !== "string") return undefined;
  const name = id.includes("/") ? id : formatName("function", { project, function: id });
  return { kind: "function", function: name, qualifier: text, eventFormat };
}

function readMock(extension: JsonObject, pointer: string, report: ImportReport): BackendDraft | undefined {
  refuseOthers(extension, pointer, ["mock"], report);
  const at = pointerTo(pointer, "mock");
  const { mock } = extension;
  if (!isObject(mock)) {
    report.fault(at, "must be {status?, headers?, body?}");
    return undefined;
  }
  refuseOthers(mock, at, ["status", "headers", "body"], report);
  const { status = 200, headers = {}, body = "" } = mock;
  if (typeof status !== "number" || !Number.isInteger(status)) {
    report.fault(pointerTo(at, "status"), "must be a whole number");
    return undefined;
  }
  if (!isObject(headers) || !Object.values(headers).every((value) => ["string", "number"].includes(typeof value))) {
    report.fault(pointerTo(at, "headers"), "must map names to texts");
    return undefined;
  }
  const texts = Object.entries(headers).map(([name, value]) => [name, String(value)]);
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return { kind: "mock", status, headers: Object.fromEntries(texts) as Record<string, string>, body: text };
}

/** What an import reads as this backend. */
export function toBackendExtension(backend: Backend): JsonObject {
  switch (backend.kind) {
    case "function": {
      const { function: id, qualifier, eventFormat } = backend;
      return { function: id, ...(qualifier !== LATEST && { qualifier }), ...(eventFormat !== "jd" && { eventFormat }) };
    }
    case "mock": {
      const { status, headers, body } = backend;
      return { mock: { status, ...(Object.keys(headers).length > 0 && { headers }), ...(body !== "" && { body }) } };
    }
    case "http": {
      const { url, timeoutMs, retries, forwardHost, signingKey } = backend;
      return {
        http: {
          url,
          timeoutMs,
          retries,
          ...(forwardHost && { forwardHost }),
          ...(signingKey !== "" && { signingKey }),
        },
      };
    }
  }
}

function refuseOthers(object: JsonObject, pointer: string, known: readonly string[], report: ImportReport): void {
  for (const key of Object.keys(object)) {
    if (!known.includes(key)) report.fault(pointerTo(pointer, key), `is not known here; there are ${known.join(", ")}`);
  }
}
