// An API: one operation of a revision.

export const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] as const;
export type Method = (typeof METHODS)[number];

export const MATCHES = ["exact", "prefix"] as const;
export type Match = (typeof MATCHES)[number];

export const LOCATIONS = ["path", "query", "header"] as const;
export type Location = (typeof LOCATIONS)[number];

export const PARAMETER_TYPES = ["string", "integer", "number", "boolean", "array"] as const;
export type ParameterType = (typeof PARAMETER_TYPES)[number];

export const EVENT_FORMATS = ["jd", "aws-1", "aws-2"] as const;
export type EventFormat = (typeof EVENT_FORMATS)[number];

export interface Parameter {
  name: string;
  location: Location;
  type: ParameterType;
  required: boolean;
  description: string;
  /** JSON text; empty for none. */
  defaultJson: string;
  /** JSON Schema text; empty for none. */
  schemaJson: string;
}

export interface Body {
  mediaType: string;
  /** JSON Schema text for JSON, an example for other types; empty for none. */
  schema: string;
  required: boolean;
}

export interface FunctionBackend {
  kind: "function";
  /** Id of a function of the same project. */
  function: string;
  /** A version number, an alias or `LATEST`. */
  qualifier: string;
  eventFormat: EventFormat;
}

export interface MockBackend {
  kind: "mock";
  status: number;
  headers: Readonly<Record<string, string>>;
  body: string;
}

export interface HttpBackend {
  kind: "http";
  /** As URLs are normalised; a path without a slash at its end. */
  url: string;
  timeoutMs: number;
  retries: number;
  forwardHost: boolean;
}

export type Backend = FunctionBackend | MockBackend | HttpBackend;

export interface ApiDefinition {
  method: Method;
  /** After the group's prefix. */
  path: string;
  match: Match;
  description: string;
  parameters: readonly Parameter[];
  requestBody: Body | undefined;
  responseBody: Body | undefined;
  /** Undefined: the environment's. */
  backend: Backend | undefined;
}

export interface Api {
  id: string;
  /** `api-` and 12 characters, kept when a revision is copied. */
  uid: string;
  definition: ApiDefinition;
  /** Rises with every change. */
  version: number;
  createdAt: Date;
  updatedAt: Date;
}

export const LATEST = "LATEST";
