import {
  type DescField,
  type DescMessage,
  fromBinary,
  fromJsonString,
  ScalarType,
  toBinary,
  toJsonString,
} from "@bufbuild/protobuf";
import { type FieldViolation, invalidFields, type PlatformError } from "@millrace/errors";
import { FAULT_FIELD_CHARS_MAX, FAULTS_MAX, JSON_DEPTH_MAX } from "../limits.ts";

// JSON to a message's bytes and back. The decoder stops at the first fault, knows no path and quotes values, which may be secrets; so when
// it refuses, the faults are looked for again, field by field, and described by what would be right.

/** Throws `request_invalid` that names every faulty field. */
export function bytesOfJson(schema: DescMessage, text: string): Buffer {
  if (isDeeperThan(text, JSON_DEPTH_MAX))
    throw invalidFields([{ field: "body", description: `must not be nested over ${JSON_DEPTH_MAX} levels` }]);
  try {
    return Buffer.from(toBinary(schema, fromJsonString(schema, text)));
  } catch {
    throw faultsOf(schema, text);
  }
}

/** Every field is there, also those with default values; messages that are not set are left out. */
export function jsonOfBytes(schema: DescMessage, bytes: Uint8Array): string {
  return toJsonString(schema, fromBinary(schema, bytes), { alwaysEmitImplicit: true });
}

/** Whether brackets outside of strings are nested deeper: what parses such a text, and writes its value again, takes seconds. */
function isDeeperThan(text: string, depthMax: number): boolean {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const character = text[i];
    if (inString && character === "\\") i++;
    else if (character === '"') inString = !inString;
    else if (inString) continue;
    else if (character === "[" || character === "{") depth++;
    else if (character === "]" || character === "}") depth--;
    if (depth > depthMax) return true;
  }
  return false;
}

function faultsOf(schema: DescMessage, text: string): PlatformError {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const position = /position (\d+)/.exec((error as Error).message)?.[1];
    return invalidFields([
      { field: "body", description: `is not JSON${position === undefined ? "" : ` (at character ${position})`}` },
    ]);
  }
  const violations = messageFaults(schema, value, "")
    .take(FAULTS_MAX)
    .map(({ field, description }) => ({ field: field.slice(0, FAULT_FIELD_CHARS_MAX), description }))
    .toArray();
  if (violations.length === 0) violations.push({ field: "body", description: "must not hold a key twice" });
  return invalidFields(violations);
}

function* messageFaults(schema: DescMessage, value: unknown, path: string): Generator<FieldViolation> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    yield { field: path || "body", description: "must be an object" };
    return;
  }
  for (const [key, member] of Object.entries(value)) {
    const field = schema.fields.find(({ name, jsonName }) => key === name || key === jsonName);
    const at = path === "" ? (field?.name ?? key) : `${path}.${field?.name ?? key}`;
    if (field === undefined) yield { field: at, description: "is no field of this message" };
    else yield* fieldFaults(schema, field, member, at);
  }
}

function* fieldFaults(schema: DescMessage, field: DescField, value: unknown, path: string): Generator<FieldViolation> {
  if (accepts(schema, field, value)) return;
  if (field.message && !field.message.typeName.startsWith("google.protobuf.")) {
    if (field.fieldKind === "message") return yield* messageFaults(field.message, value, path);
    const members = membersOf(field, value);
    if (members) {
      for (const [key, member] of members) yield* messageFaults(field.message, member, `${path}[${key}]`);
      return;
    }
  }
  yield { field: path, description: `must be ${expected(field)}` };
}

function accepts(schema: DescMessage, field: DescField, value: unknown): boolean {
  // Too large for a number; written again it would be null.
  if (typeof value === "number" && !Number.isFinite(value)) return false;
  try {
    fromJsonString(schema, JSON.stringify({ [field.name]: value }));
    return true;
  } catch {
    return false;
  }
}

function membersOf(field: DescField, value: unknown): [string, unknown][] | undefined {
  const fits =
    field.fieldKind === "list"
      ? Array.isArray(value)
      : typeof value === "object" && value !== null && !Array.isArray(value);
  return fits ? Object.entries(value as object) : undefined;
}

function expected(field: DescField): string {
  if (field.fieldKind === "list") return `a list, each of it ${expectedValue(field)}`;
  if (field.fieldKind === "map") return `an object, each value of it ${expectedValue(field)}`;
  return expectedValue(field);
}

function expectedValue({ scalar, enum: values, message }: DescField): string {
  if (values) return `one of ${values.values.map(({ name }) => name).join(", ")}`;
  if (message) return WELL_KNOWN[message.typeName] ?? "an object";
  return SCALARS[scalar!] ?? "a whole number in its range";
}

const WELL_KNOWN: Record<string, string> = {
  "google.protobuf.Timestamp": "a time such as 2026-01-31T12:00:00Z",
  "google.protobuf.Duration": "a length of time such as 1.5s",
};

const SCALARS: Partial<Record<ScalarType, string>> = {
  [ScalarType.STRING]: "a string",
  [ScalarType.BYTES]: "a string of base64",
  [ScalarType.BOOL]: "true or false",
  [ScalarType.DOUBLE]: "a number",
  [ScalarType.FLOAT]: "a number",
  [ScalarType.INT32]: "a whole number from -2147483648 to 2147483647",
  [ScalarType.UINT32]: "a whole number from 0 to 4294967295",
};
