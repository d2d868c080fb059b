import { type ApiDifference, ApiDifference_Kind as Kind } from "@millrace/proto/control/v1/differences";

const SIGNS: Readonly<Record<number, string>> = { [Kind.ADDED]: "+", [Kind.REMOVED]: "-", [Kind.CHANGED]: "~" };

/** A line for each API, and below a changed one a line for each of its fields. */
export function differencesText(apis: readonly ApiDifference[]): string {
  if (apis.length === 0) return "no difference";
  return apis
    .flatMap(({ apiId, kind, fields }) => [
      `${SIGNS[kind] ?? "?"} ${apiId}`,
      ...fields.map(({ path, before, after }) => `    ${path}: ${before || "none"} -> ${after || "none"}`),
    ])
    .join("\n");
}
