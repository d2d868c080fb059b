/** The thread that compiles schemas: answers for each text what is wrong with it. */
import { parentPort } from "node:worker_threads";
import { Ajv, type Options } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import Draft04 from "ajv-draft-04";
import { LIMITS } from "../limits.ts";
import { DIALECTS, type Dialect, dialectOf } from "./schema-dialect.ts";

export type CheckedSchemas = ({ pointer: string; fault: string } | undefined)[];

const OPTIONS: Options = { strict: false, validateFormats: false, inlineRefs: false, logger: false, allErrors: true };

parentPort!.on("message", (texts: string[]) => parentPort!.postMessage(texts.map(faultOf) satisfies CheckedSchemas));

function faultOf(text: string): { pointer: string; fault: string } | undefined {
  const schema: unknown = JSON.parse(text);
  if (typeof schema !== "object" || schema === null) return undefined;
  const { $schema, $id: _, ...own } = schema as Record<string, unknown>;
  const dialect = dialectOf($schema);
  if (dialect === undefined) {
    return { pointer: "/$schema", fault: `must be one of ${DIALECTS.join(", ")}` };
  }
  const deep = depthFault(own);
  if (deep) return { pointer: "", fault: deep };
  const ajv = validatorFor(JSON.stringify(own), dialect);
  if (ajv.validateSchema(own) !== true) {
    const [error] = ajv.errors ?? [];
    return { pointer: error?.instancePath ?? "", fault: `${error?.message ?? "is no schema"}` };
  }
  const startedAt = performance.now();
  try {
    ajv.compile(own);
    const { schemaCompileMsMax: max } = LIMITS;
    return performance.now() - startedAt > max ? { pointer: "", fault: `takes over ${max} ms to compile` } : undefined;
  } catch (error) {
    return { pointer: "", fault: `is no schema that can be compiled: ${(error as Error).message.slice(0, 200)}` };
  } finally {
    ajv.removeSchema(own);
  }
}

/** A schema that calls itself something has a validator of its own, so that others do not see it. The others share one: it takes longer to make
 * than they to compile. */
function validatorFor(text: string, dialect: Dialect) {
  if (dialect === DIALECTS[2] || /"\$(?:id|anchor|dynamicAnchor)"/.test(text)) return validatorOf(dialect);
  const known = shared.get(dialect) ?? validatorOf(dialect);
  shared.set(dialect, known);
  return known;
}

const shared = new Map<Dialect, ReturnType<typeof validatorOf>>();

function validatorOf(dialect: Dialect) {
  if (dialect === DIALECTS[0]) return new Ajv2020(OPTIONS);
  return dialect === DIALECTS[1] ? new Ajv(OPTIONS) : new Draft04.default(OPTIONS);
}

function depthFault(schema: unknown): string | undefined {
  let level: unknown[] = [schema];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > LIMITS.documentDepthMax) return `is over ${LIMITS.documentDepthMax} levels deep`;
    level = level.flatMap((value) => (typeof value === "object" && value !== null ? Object.values(value) : []));
  }
  return undefined;
}
