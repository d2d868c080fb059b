import { isHeaderName, isMappable } from "@millrace/names";
import { LIMITS } from "../limits.ts";
import type { Violations } from "../requests/violations.ts";
import {
  type BackendConstant,
  type BackendRequest,
  LOCATIONS,
  type Location,
  METHODS,
  type Method,
  type ParameterMapping,
} from "./api.ts";
import { pathFault, placeholdersOf } from "./route.ts";

// How the request to an http backend differs from the caller's, as it comes in.

export interface BackendRequestDraft {
  method: string;
  path: string;
  parameters: readonly (Omit<ParameterMapping, "location" | "backendLocation"> & {
    location: string;
    backendLocation: string;
  })[];
  constants: readonly (Omit<BackendConstant, "location"> & { location: string })[];
}

/** What the mapping is part of. */
export interface MappedApi {
  path: string;
  match: string;
  parameters: readonly { name: string; location: string }[];
  backendKind: string | undefined;
}

const QUERY_NAME = /^[^\p{Cc}\p{Cs}]{1,256}$/u;
const CONSTANT = /^[\x20-\x7e]*$/;

/** The request that a draft means; its faults are added to `violations` under `at`. Use it only when there are none. */
export function readBackendRequest(
  draft: BackendRequestDraft,
  api: MappedApi,
  violations: Violations,
  at: string,
): BackendRequest {
  const { method, path, parameters, constants } = draft;
  const { mappedParametersMax: max } = LIMITS;
  violations.unless(
    api.backendKind === undefined || api.backendKind === "http",
    at,
    "is for APIs whose backend is an http server",
  );
  violations.unless(
    method === "" || METHODS.includes(method as Method),
    `${at}.method`,
    `must be one of ${METHODS.join(", ")}`,
  );
  violations.unless(parameters.length <= max, `${at}.parameters`, `must be at most ${max}`);
  violations.unless(constants.length <= max, `${at}.constants`, `must be at most ${max}`);
  const targets = new Targets(violations);
  const sources = new Set<string>();
  parameters.slice(0, max).forEach((mapping, i) => {
    const field = `${at}.parameters[${i}]`;
    const source = identityOf(mapping.location, mapping.name);
    violations.unless(
      api.parameters.some(({ name, location }) => identityOf(location, name) === source),
      `${field}.name`,
      "must be a parameter of the API",
    );
    violations.unless(!sources.has(source), `${field}.name`, "is mapped twice");
    sources.add(source);
    if (mapping.location === "header") targets.checkHeader(mapping.name, `${field}.name`);
    targets.add(mapping.backendLocation, mapping.backendName, `${field}.backend_name`, `${field}.backend_location`);
  });
  constants.slice(0, max).forEach((constant, i) => {
    const field = `${at}.constants[${i}]`;
    targets.add(constant.location, constant.name, `${field}.name`, `${field}.location`);
    const fits = CONSTANT.test(constant.value) && constant.value.length <= LIMITS.backendConstantCharsMax;
    violations.unless(fits, `${field}.value`, `must be at most ${LIMITS.backendConstantCharsMax} of printable ASCII`);
    const isSegment = !["", ".", ".."].includes(constant.value) && !/[/\\]/.test(constant.value);
    violations.unless(constant.location !== "path" || isSegment, `${field}.value`, "cannot be a segment of a path");
  });
  checkPath(draft, api, targets, violations, `${at}.path`);
  return {
    method: method as Method | "",
    path,
    parameters: parameters as ParameterMapping[],
    constants: constants as BackendConstant[],
  };
}

/** Every placeholder is filled once, and whatever fills one has one. */
function checkPath(
  { path }: BackendRequestDraft,
  api: MappedApi,
  { paths }: Targets,
  violations: Violations,
  at: string,
) {
  const fault = path === "" ? undefined : pathFault(path, api.match);
  if (fault) {
    violations.add(at, fault);
    return;
  }
  const placeholders = placeholdersOf(path || "/");
  for (const name of paths) violations.unless(placeholders.includes(name), at, `must have {${name}}, which is filled`);
  const own = pathFault(api.path, api.match) ? [] : placeholdersOf(api.path);
  for (const name of placeholders) {
    const filled = paths.has(name) || own.includes(name);
    violations.unless(filled, at, `has {${name}}, which neither a mapping, a constant nor the API's path fills`);
  }
}

/** What is set at the backend, each thing once. */
class Targets {
  readonly #violations: Violations;
  readonly #seen = new Set<string>();
  readonly paths = new Set<string>();

  constructor(violations: Violations) {
    this.#violations = violations;
  }

  add(location: string, name: string, nameField: string, locationField: string): void {
    const violations = this.#violations;
    violations.unless(LOCATIONS.includes(location as Location), locationField, "must be path, query or header");
    if (location === "header") {
      violations.unless(isHeaderName(name), nameField, "is no usable name");
      this.checkHeader(name, nameField);
    } else violations.unless(QUERY_NAME.test(name), nameField, "is no usable name");
    const identity = identityOf(location, name);
    violations.unless(
      !this.#seen.has(identity),
      nameField,
      `sets the ${location} parameter ${name.slice(0, 64)} twice`,
    );
    this.#seen.add(identity);
    if (location === "path") this.paths.add(name);
  }

  checkHeader(name: string, field: string): void {
    this.#violations.unless(isMappable(name.toLowerCase()), field, "is a header that only the gateway sets");
  }
}

function identityOf(location: string, name: string): string {
  return `${location} ${location === "header" ? name.toLowerCase() : name}`;
}
