import { type Backend, EventFormat, type HttpBackend } from "@millrace/proto/control/v1/apis";
import { idOf } from "../output/answer.ts";
import type { EventFormatWord, ManifestBackend } from "./manifest-backend.ts";

const EVENT_FORMAT_OF: Readonly<Record<EventFormatWord, EventFormat>> = {
  jd: EventFormat.JD,
  "aws-1": EventFormat.AWS_1,
  "aws-2": EventFormat.AWS_2,
};

/** `project` is `projects/{id}`. */
export function backendMessage(backend: ManifestBackend, project: string): Backend {
  if (backend.kind === "mock") {
    const { status, headers, body } = backend;
    return { kind: { $case: "mock", value: { status, headers, body } } };
  }
  if (backend.kind === "http") {
    const { kind: _, retries, ...value } = backend;
    return { kind: { $case: "http", value: { ...value, ...(retries !== undefined && { retries }) } } };
  }
  const { qualifier, eventFormat } = backend;
  const name = `${project}/functions/${backend.function}`;
  return {
    kind: { $case: "function", value: { function: name, qualifier, eventFormat: EVENT_FORMAT_OF[eventFormat] } },
  };
}

/** In words, and equal for backends that mean the same. */
export function backendText(backend: Backend | undefined): string {
  if (backend?.kind?.$case === "mock") {
    const { status, headers, body } = backend.kind.value;
    return `mock ${status || 200} ${JSON.stringify(Object.entries(headers).sort())} ${body}`;
  }
  if (backend?.kind?.$case === "http") return httpText(backend.kind.value);
  if (backend?.kind?.$case !== "function") return "";
  const { function: name, qualifier, eventFormat } = backend.kind.value;
  const format = eventFormat === EventFormat.AWS_1 ? " aws-1" : eventFormat === EventFormat.AWS_2 ? " aws-2" : "";
  return `${idOf(name)}@${qualifier || "LATEST"}${format}`;
}

/** The function whose draft a release of this backend would publish. */
export function draftFunctionOf(backend: Backend | undefined): string | undefined {
  if (backend?.kind?.$case !== "function") return undefined;
  const { function: name, qualifier } = backend.kind.value;
  return qualifier === "" || qualifier === "LATEST" ? idOf(name) : undefined;
}

function httpText({ url, timeoutMs, retries = 1, forwardHost, signingKey }: HttpBackend): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const parts = [parsed ? parsed.origin + parsed.pathname.replace(/\/$/, "") : url];
  if (timeoutMs !== 0 && timeoutMs !== 10_000) parts.push(`${timeoutMs} ms`);
  if (retries !== 1) parts.push(`retries ${retries}`);
  if (forwardHost) parts.push("the caller's host");
  if (signingKey !== "") parts.push(`signed with ${signingKey}`);
  return parts.join(", ");
}
