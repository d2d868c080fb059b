// An API: one operation of a revision.

export const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] as const;
export type Method = (typeof METHODS)[number];

export const MATCHES = ["exact", "prefix"] as const;
export type Match = (typeof MATCHES)[number];

export const LOCATIONS = ["path", "query", "header"] as const;
export type Location = (typeof LOCATIONS)[number];

export const PARAMETER_TYPES = ["string", "integer", "number", "boolean", "array"] as const;
export type ParameterType = (typeof PARAMETER_TYPES)[number];

/** How the items of an array stand in a request: `a=1&a=2`, `1,2`, `1 2`, `1|2`. */
export const ARRAY_FORMATS = ["repeated", "comma", "space", "pipe"] as const;
export type ArrayFormat = (typeof ARRAY_FORMATS)[number];

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
  deprecated: boolean;
  /** JSON text; empty for none. */
  exampleJson: string;
  /** Empty for what is no array. */
  arrayFormat: ArrayFormat | "";
}

export interface Content {
  mediaType: string;
  /** JSON Schema text for JSON and forms, any text for other types; empty for none. */
  schema: string;
  /** JSON text for JSON and forms, any text for other types; empty for none. */
  example: string;
}

export interface Body extends Content {
  required: boolean;
  /** Of a request's body. */
  description: string;
  /** Other media types of the same body. */
  others: readonly Content[];
}

export interface Response {
  /** `404`, `4XX` or `default`. */
  status: string;
  description: string;
  contents: readonly Content[];
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
  /** Id of the access key that requests are signed with; empty for none. */
  signingKey: string;
}

export type Backend = FunctionBackend | MockBackend | HttpBackend;

/** How the request to an http backend is made of the caller's. */
export interface BackendRequest {
  /** Empty: the caller's. */
  method: Method | "";
  /** In place of the API's; empty: the API's. */
  path: string;
  parameters: readonly ParameterMapping[];
  constants: readonly BackendConstant[];
}

export interface ParameterMapping {
  name: string;
  location: Location;
  backendName: string;
  backendLocation: Location;
}

export interface BackendConstant {
  name: string;
  location: Location;
  value: string;
}

export interface ApiDefinition {
  method: Method;
  /** After the group's prefix. */
  path: string;
  match: Match;
  /** One line. */
  summary: string;
  description: string;
  tags: readonly string[];
  deprecated: boolean;
  parameters: readonly Parameter[];
  requestBody: Body | undefined;
  /** Of the normal answer, as the status and the description below. */
  responseBody: Body | undefined;
  /** Empty when only other answers are known. */
  responseStatus: string;
  responseDescription: string;
  otherResponses: readonly Response[];
  /** Undefined: the environment's. */
  backend: Backend | undefined;
  /** Undefined: the caller's, as it came. */
  backendRequest?: BackendRequest | undefined;
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
