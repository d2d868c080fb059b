import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { PlatformError } from "@millrace/errors";
import { LIMITS } from "../limits.ts";
import type { ApiDefinition, Body, Content } from "./api.ts";
import { isFormType, isJsonSchema, isJsonType } from "./draft-text.ts";
import type { CheckedSchemas } from "./schema-thread.ts";

// Schemas are compiled in a thread that can be ended: compiling some of a few KiB takes minutes or gigabytes, and nobody else would be
// served meanwhile. The thread is kept for the next ones, and started again after it was ended.

/** A schema's text, and where it stands. */
export interface PlacedSchema {
  at: string;
  text: string;
}

/** What is wrong with a schema, and where in it. */
export interface SchemaFault {
  at: string;
  fault: string;
}

const TOO_COMPLEX = "is too complex: it must compile within";

export class SchemaChecker {
  #thread: Worker | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  /** Faults of those schemas that no validator can be made of. Errors: `resource_exhausted` schemas_busy. */
  async check(schemas: readonly PlacedSchema[]): Promise<SchemaFault[]> {
    if (schemas.length === 0) return [];
    if (this.#waiting >= LIMITS.schemaChecksWaitingMax) throw busy();
    this.#waiting++;
    const turn = this.#last.then(() => this.#inThread(schemas));
    this.#last = turn.catch(() => {});
    try {
      return await turn;
    } finally {
      this.#waiting--;
    }
  }

  async close(): Promise<void> {
    await this.#end();
  }

  async #inThread(schemas: readonly PlacedSchema[]): Promise<SchemaFault[]> {
    const texts = [...new Set(schemas.map(({ text }) => text))];
    const thread = this.#started();
    const over = new AbortController();
    const late = delay(LIMITS.schemaCheckTimeoutMs, undefined, { signal: over.signal, ref: false }).catch(
      () => undefined,
    );
    const answer = once(thread, "message", { signal: over.signal }).then(
      ([message]: CheckedSchemas[]) => message,
      () => undefined,
    );
    thread.postMessage(texts);
    const faults = await Promise.race([answer, late]);
    over.abort();
    if (!faults) {
      await this.#end();
      return [{ at: schemas[0]!.at, fault: `${TOO_COMPLEX} ${LIMITS.schemaCheckTimeoutMs} ms with all others` }];
    }
    const byText = new Map(texts.map((text, i) => [text, faults[i]]));
    return schemas.flatMap(({ at, text }) => {
      const found = byText.get(text);
      return found ? [{ at: found.pointer === "" ? at : `${at}#${found.pointer}`, fault: found.fault }] : [];
    });
  }

  #started(): Worker {
    if (this.#thread) return this.#thread;
    const thread = new Worker(new URL("./schema-thread.ts", import.meta.url), {
      env: {},
      resourceLimits: { maxOldGenerationSizeMb: LIMITS.schemaHeapMib },
    });
    // What it still has to say when nobody listens any more; out of heap is an error too.
    thread.on("error", () => (this.#thread = undefined));
    thread.unref();
    this.#thread = thread;
    return thread;
  }

  async #end(): Promise<void> {
    const thread = this.#thread;
    this.#thread = undefined;
    await thread?.terminate();
  }
}

/** The schemas of a definition, each with the field below `at` that it is in. */
export function placedSchemas(definition: ApiDefinition, at: string): PlacedSchema[] {
  const { parameters, requestBody, responseBody, otherResponses } = definition;
  const contents: (readonly [string, Content])[] = [
    ...contentsOf(requestBody, `${at}.request_body`),
    ...contentsOf(responseBody, `${at}.response_body`),
    ...otherResponses.flatMap((response, i) =>
      response.contents.map((content, j) => [`${at}.other_responses[${i}].contents[${j}]`, content] as const),
    ),
  ];
  const ofParameters = parameters.map(({ schemaJson }, i) => ({
    at: `${at}.parameters[${i}].schema_json`,
    text: schemaJson,
  }));
  const ofContents = contents
    .filter(([, { mediaType, schema }]) => isJsonType(mediaType) || isFormType(mediaType) || isJsonSchema(schema))
    .map(([field, { schema }]) => ({ at: `${field}.schema`, text: schema }));
  return [...ofParameters, ...ofContents].filter(({ text }) => text !== "");
}

function contentsOf(body: Body | undefined, at: string): [string, Content][] {
  if (!body) return [];
  return [[at, body], ...body.others.map((content, i): [string, Content] => [`${at}.others[${i}]`, content])];
}

function busy(): PlatformError {
  return new PlatformError("resource_exhausted", "Too many schemas are being checked; try again.", {
    reason: "schemas_busy",
  });
}
