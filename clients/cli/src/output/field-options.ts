import { invalidFields, PlatformError } from "@millrace/errors";

// The platform names the fields of its interface; whoever wrote an option looks for that.

const OPTIONS: ReadonlyMap<string, string> = new Map([
  ["definition.method", "--method"],
  ["definition.path", "--path"],
  ["definition.match", "--match"],
  ["definition.backend_request.method", "--backend-method"],
  ["definition.backend_request.path", "--backend-path"],
  ["given.body", "--data"],
  ["webhook_url", "--webhook"],
]);
const OF_HTTP: ReadonlyMap<string, string> = new Map([
  ["url", "--http"],
  ["signing_key", "--sign-with"],
  ["timeout_ms", "--backend-timeout-ms"],
]);
const HTTP = /^(?:definition\.backend|environment_backend)\.http\.(\w+)$/;

/** A refused request with its fields called as the options that they were given by. */
export function inOptions(error: unknown, isGiven: (option: string) => boolean): unknown {
  if (!(error instanceof PlatformError) || error.reason !== "request_invalid") return error;
  const { violations, message } = error;
  if (violations.length === 0 || invalidFields(violations).message !== message) return error;
  return invalidFields(
    violations.map(({ field, description }) => {
      const option = OPTIONS.get(field) ?? OF_HTTP.get(HTTP.exec(field)?.[1] ?? "");
      return { field: option !== undefined && isGiven(option) ? option : field, description };
    }),
  );
}
