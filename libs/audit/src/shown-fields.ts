import { createFileRegistry, type DescField, fromBinary } from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { readDescriptorSet } from "@millrace/proto/descriptors";
import { LIMITS } from "./limits.ts";

/** A field that a request set, and its value where it may be shown. */
export type ShownField = readonly [path: string, value: string];

/** The texts that are shown: what names or chooses something. Every other text is free, and may be a secret. */
const SHOWN_TEXTS = new Set(
  "alias deployment email environment event_format filename function group handler key key_id method person project qualifier revision".split(
    " ",
  ),
);
/** What says which object, not what is done to it. */
const LEFT_OUT = new Set(["name", "parent", "request_id", "etag"]);

const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, readDescriptorSet()));

/**
 * What a request asks for, by its types: numbers, truths and choices with their value, texts only where they name something; bytes,
 * other texts, and the values of every map as their path alone. `bytes` are the encoded request of `/{package.Service}/{Method}`.
 */
export function shownFields(path: string, bytes: Uint8Array): ShownField[] {
  const [, service, method] = path.split("/");
  const input = registry.getService(service!)?.methods.find(({ name }) => name === method)?.input;
  if (!input) return [];
  const shown: ShownField[] = [];
  show(reflect(input, fromBinary(input, bytes)), "", shown);
  return shown;
}

function show(message: ReflectMessage, prefix: string, shown: ShownField[]): void {
  for (const field of message.fields) {
    if (shown.length >= LIMITS.fieldsMax) return;
    if (!message.isSet(field) || (prefix === "" && LEFT_OUT.has(field.name))) continue;
    showField(message, field, `${prefix}${field.name}`, shown);
  }
}

function showField(message: ReflectMessage, field: DescField, path: string, shown: ShownField[]): void {
  switch (field.fieldKind) {
    case "message":
      show(message.get(field), `${path}.`, shown);
      break;
    case "map":
      for (const [key] of message.get(field)) add(shown, `${path}.${String(key)}`, "");
      break;
    case "list":
      if (field.listKind === "message") showAll([...message.get(field)] as ReflectMessage[], path, shown);
      else add(shown, path, "");
      break;
    default:
      add(shown, path, textOf(message, field));
  }
}

function showAll(messages: readonly ReflectMessage[], path: string, shown: ShownField[]): void {
  for (const [i, message] of messages.slice(0, LIMITS.fieldsMax).entries()) show(message, `${path}[${i}].`, shown);
}

function textOf(message: ReflectMessage, field: DescField & { fieldKind: "scalar" | "enum" }): string {
  const value: unknown = message.get(field);
  if (field.fieldKind === "enum") return field.enum.value[value as number]?.name ?? String(value);
  if (typeof value === "string") return SHOWN_TEXTS.has(field.name) ? value : "";
  return value instanceof Uint8Array ? "" : String(value);
}

function add(shown: ShownField[], path: string, value: string): void {
  if (shown.length >= LIMITS.fieldsMax) return;
  shown.push([printable(path, LIMITS.textCharsMax), printable(value, LIMITS.textCharsMax)]);
}

/** PostgreSQL's text holds no NUL, and nobody's terminal is steered by what is read from here. */
export function printable(text: string, charsMax: number): string {
  return text
    .slice(0, charsMax)
    .toWellFormed()
    .replace(/\p{Cc}/gu, "\ufffd");
}
