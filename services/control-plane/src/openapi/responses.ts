import type { ApiDefinition, Content, Response } from "../apis/api.ts";
import { normalStatusOf } from "../apis/content-draft.ts";
import { bodyOf, readContents } from "./bodies.ts";
import { isObject } from "./document.ts";
import { textOf } from "./parameters.ts";
import type { Located } from "./references.ts";
import { PLATFORM_EXTENSION, pointerTo } from "./report.ts";
import { readContents20 } from "./swagger.ts";
import type { Tools } from "./tools.ts";

type Answers = Pick<ApiDefinition, "responseBody" | "responseStatus" | "responseDescription" | "otherResponses">;

const CARRIED = new Set(["content", "description"]);
const CARRIED_20 = new Set(["schema", "examples", "description"]);
const STATUS = /^(?:[1-5]\d\d|[1-5]XX|default)$/i;

/** The normal answer, and the others. */
export function readResponses(operation: Located, tools: Tools): Answers {
  const { value, pointer } = operation;
  const at = pointerTo(pointer, "responses");
  const none = { responseBody: undefined, responseStatus: "", responseDescription: "", otherResponses: [] };
  if (value.responses === undefined) return none;
  if (!isObject(value.responses)) {
    tools.report.fault(at, "must be an object");
    return none;
  }
  const responses = Object.entries(value.responses).flatMap(([status, response]) => {
    const read = readResponse(status, { value: response, pointer: pointerTo(at, status) }, { operation, tools });
    return read ? [read] : [];
  });
  const normal = normalStatusOf(responses.map(({ status }) => status));
  const chosen = responses.find(({ status }) => status === normal);
  const contents = chosen?.contents ?? [];
  return {
    responseBody: contents.length === 0 ? undefined : bodyOf(contents, { required: false, description: "" }),
    responseStatus: normal ?? "",
    responseDescription: chosen?.description ?? "",
    otherResponses: responses.filter((response) => response !== chosen),
  };
}

function readResponse(
  key: string,
  { value, pointer }: { value: unknown; pointer: string },
  { operation, tools }: { operation: Located; tools: Tools },
): Response | undefined {
  const { report, references, document } = tools;
  if (!STATUS.test(key)) {
    report.drop(pointer, key.startsWith("x-") ? undefined : "it is no status");
    return undefined;
  }
  const status = key === "default" ? key : key.toUpperCase();
  const response = references.follow(value, pointer);
  if (!response || response.value[PLATFORM_EXTENSION] === true) return undefined;
  const is20 = document.version === "2.0";
  report.dropRest(response.value, response.pointer, is20 ? CARRIED_20 : CARRIED);
  const description = textOf(response.value, "description", response.pointer, report);
  const contents: Content[] = is20 ? readContents20(response, operation, tools) : readContents(response, tools);
  return { status, description, contents };
}
