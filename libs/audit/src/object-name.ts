const PROJECT = /^projects\/([a-z][a-z0-9-]{1,31})(?:\/|$)/;
const PLURALS: Readonly<Record<string, string>> = { alias: "aliases" };

/**
 * The name of what a request is about: its `name`; for what it creates, its `parent` and the id that it gives; of an upload, the
 * header's. Empty when it names nothing.
 */
export function objectOf(request: unknown): string {
  if (typeof request !== "object" || request === null) return "";
  const { part, ...fields } = request as Record<string, unknown> & { part?: { value?: unknown } };
  if (part?.value !== undefined) return objectOf(part.value);
  const { name, parent, project, group } = fields;
  if (isName(name)) return name;
  const created = createdId(fields);
  if (isName(parent)) return created === undefined ? parent : `${parent}/${created}`;
  if (created !== undefined) return created;
  return [group, project].find(isName) ?? "";
}

/** Id of the project that a resource belongs to, or is; empty for none. */
export function projectOf(object: string): string {
  return PROJECT.exec(object)?.[1] ?? "";
}

/** `functionId: "f"` is `functions/f`. */
function createdId(fields: Readonly<Record<string, unknown>>): string | undefined {
  for (const [field, value] of Object.entries(fields)) {
    const noun = /^(\w+)Id$/.exec(field)?.[1];
    if (noun === undefined || noun === "request" || !isName(value)) continue;
    return `${PLURALS[noun] ?? `${noun}s`}/${value}`;
  }
  return undefined;
}

function isName(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}
