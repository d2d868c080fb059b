import { formatName } from "@millrace/names";
import { type Backend as BackendMessage, EventFormat as EventFormatMessage } from "@millrace/proto/control/v1/apis";
import type { Backend, EventFormat } from "./api.ts";
import type { BackendDraft } from "./backend-draft.ts";

export function toBackendDraft({ kind }: BackendMessage): BackendDraft {
  if (!kind) return { kind: "none" };
  if (kind.$case === "mock") {
    const { status, headers, body } = kind.value;
    return { kind: "mock", status, headers, body };
  }
  if (kind.$case === "http") return { kind: "http", ...kind.value };
  const { function: name, qualifier, eventFormat } = kind.value;
  return { kind: "function", function: name, qualifier, eventFormat: FORMAT_OF[eventFormat] ?? "" };
}

export function toBackendMessage(project: string, backend: Backend): BackendMessage {
  if (backend.kind === "mock") {
    const { status, headers, body } = backend;
    return { kind: { $case: "mock", value: { status, headers: { ...headers }, body } } };
  }
  if (backend.kind === "http") {
    const { kind: _, ...value } = backend;
    return { kind: { $case: "http", value } };
  }
  const name = formatName("function", { project, function: backend.function });
  const { qualifier } = backend;
  return {
    kind: { $case: "function", value: { function: name, qualifier, eventFormat: MESSAGE_OF[backend.eventFormat] } },
  };
}

const MESSAGE_OF: Readonly<Record<EventFormat, EventFormatMessage>> = {
  jd: EventFormatMessage.JD,
  "aws-1": EventFormatMessage.AWS_1,
  "aws-2": EventFormatMessage.AWS_2,
};

const FORMAT_OF: Readonly<Partial<Record<EventFormatMessage, EventFormat>>> = {
  [EventFormatMessage.UNSPECIFIED]: "jd",
  [EventFormatMessage.JD]: "jd",
  [EventFormatMessage.AWS_1]: "aws-1",
  [EventFormatMessage.AWS_2]: "aws-2",
};
