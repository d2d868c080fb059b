// JSON inside of text.

export const JSON_FAULT = "must be JSON text of a schema: an object, true or false";

/** The parsed text, or undefined when it is no JSON. */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function isJsonSchema(text: string): boolean {
  const schema = jsonOf(text);
  return typeof schema === "boolean" || (typeof schema === "object" && schema !== null && !Array.isArray(schema));
}

export function isJsonType(mediaType: string): boolean {
  return /^[^/]+\/(?:json|[^;]+\+json)\s*(?:;|$)/i.test(mediaType);
}

/** A form's fields are described by a JSON Schema too. */
export function isFormType(mediaType: string): boolean {
  return /^(?:application\/x-www-form-urlencoded|multipart\/[^;]+)\s*(?:;|$)/i.test(mediaType);
}
