import { isMappable } from "@millrace/names";
import type { RequestMapping as MappingRecord } from "@millrace/proto/release/v1/release";
import { isRefusal, type Refusal, refuse } from "../answering/reasons.ts";

// Makes the request to an http backend of the caller's. Compiled once, with the plan.
//
// Values are bytes, one to a character of latin1, as headers have them: a query's or a path's escapes are undone when a value is taken, and
// made anew when it is put. So nothing of a value can end its place: no `&`, `/` or line break. What a mapping takes is gone
// from its old place, and what a mapping or a constant puts is put by nobody else.

export interface RequestParts {
  method: string;
  /** Canonical, without the group's prefix. */
  path: string;
  /** With its question mark, or empty. */
  query: string;
  /** Flat, names in lower case. */
  headers: readonly string[];
}

type Location = "path" | "query" | "header";

interface Move {
  from: Location;
  name: string;
  /** For answers. */
  label: string;
  to: Location;
  backendName: string;
}

interface Put {
  to: Location;
  backendName: string;
  values: readonly string[];
}

const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const PLACEHOLDER = /^\{([^{}]+)\}$/;

export class RequestMapping {
  readonly #method: string;
  /** Segments of the path, or null when it stays. */
  readonly #template: readonly string[] | null;
  /** So many segments of the caller's path does the template stand for. */
  readonly #routeSegments: number;
  readonly #moves: readonly Move[];
  readonly #constants: readonly Put[];
  readonly #touchedQueries: ReadonlySet<string>;
  readonly #touchedHeaders: ReadonlySet<string>;

  /** `routePath` is the API's, without the group's prefix. Throws when a header is mapped that nobody may. */
  constructor({ method, path, parameters, constants }: MappingRecord, routePath: string) {
    this.#method = method;
    this.#template = path === "" ? null : segmentsOf(path);
    this.#routeSegments = segmentsOf(routePath).length;
    this.#moves = parameters.map(({ name, location, backendName, backendLocation }) => ({
      from: locationOf(location),
      name: nameIn(location, name),
      label: `${location} parameter ${name}`,
      to: locationOf(backendLocation),
      backendName: nameIn(backendLocation, backendName),
    }));
    this.#constants = constants.map(({ name, location, value }) => ({
      to: locationOf(location),
      backendName: nameIn(location, name),
      values: [value],
    }));
    const touched = [
      ...this.#moves.flatMap(({ from, name, to, backendName }) => [[from, name] as const, [to, backendName] as const]),
      ...this.#constants.map(({ to, backendName }) => [to, backendName] as const),
    ];
    const namesAt = (location: Location) => new Set(touched.flatMap(([at, name]) => (at === location ? [name] : [])));
    this.#touchedQueries = namesAt("query");
    this.#touchedHeaders = namesAt("header");
    for (const name of this.#touchedHeaders)
      if (!isMappable(name)) throw new Error(`the header ${name} cannot be mapped`);
  }

  /** `pathParameters` is flat: name, value. Refuses what cannot stand where it is to. */
  apply(parts: RequestParts, pathParameters: readonly string[]): RequestParts | Refusal {
    const query = this.#touchedQueries.size > 0 ? pairsOf(parts.query) : null;
    if (query !== null && isRefusal(query)) return query;
    const puts: Put[] = [...this.#constants];
    for (const move of this.#moves) {
      const values = valuesAt(move, parts, query, pathParameters);
      const fault = values.length > 0 || move.to === "path" ? faultOf(move, values) : null;
      if (fault) return refuse("request_invalid", `The ${move.label} ${fault}.`);
      if (values.length > 0) puts.push({ to: move.to, backendName: move.backendName, values });
    }
    const path = this.#pathOf(parts.path, pathParameters, puts);
    if (typeof path === "object") return path;
    return {
      method: this.#method === "" || (parts.method === "HEAD" && this.#method === "GET") ? parts.method : this.#method,
      path,
      query: query === null ? parts.query : this.#queryOf(query, puts),
      headers: this.#touchedHeaders.size === 0 ? parts.headers : this.#headersOf(parts.headers, puts),
    };
  }

  #pathOf(path: string, pathParameters: readonly string[], puts: readonly Put[]): string | Refusal {
    if (this.#template === null) return path;
    const filled: string[] = [];
    for (const segment of this.#template) {
      const name = PLACEHOLDER.exec(segment)?.[1];
      if (name === undefined) {
        filled.push(segment);
        continue;
      }
      const value =
        puts.find(({ to, backendName }) => to === "path" && backendName === name)?.values[0] ??
        pathParameterOf(pathParameters, name)[0];
      const fault = value === undefined ? "is missing" : segmentFault(value);
      if (fault) return refuse("request_invalid", `The path parameter ${name} ${fault}.`);
      filled.push(escaped(value!));
    }
    const below = segmentsOf(path).slice(this.#routeSegments);
    return `/${[...filled, ...below].join("/")}`;
  }

  #queryOf(pairs: readonly QueryPair[], puts: readonly Put[]): string {
    const kept = pairs.flatMap(({ name, raw }) => (this.#touchedQueries.has(name) ? [] : [raw]));
    const added = puts.flatMap(({ to, backendName, values }) =>
      to === "query" ? values.map((value) => `${escaped(backendName)}=${escaped(value)}`) : [],
    );
    const all = [...kept, ...added];
    return all.length === 0 ? "" : `?${all.join("&")}`;
  }

  #headersOf(headers: readonly string[], puts: readonly Put[]): string[] {
    const all: string[] = [];
    for (let at = 0; at < headers.length; at += 2) {
      if (!this.#touchedHeaders.has(headers[at]!)) all.push(headers[at]!, headers[at + 1]!);
    }
    for (const { to, backendName, values } of puts) if (to === "header") all.push(backendName, values.join(", "));
    return all;
  }
}

function valuesAt(
  { from, name }: Move,
  parts: RequestParts,
  query: readonly QueryPair[] | null,
  pathParameters: readonly string[],
): string[] {
  if (from === "path") return pathParameterOf(pathParameters, name);
  if (from === "query") return query!.flatMap((pair) => (pair.name === name ? [pair.value] : []));
  const values: string[] = [];
  for (let at = 0; at < parts.headers.length; at += 2)
    if (parts.headers[at] === name) values.push(parts.headers[at + 1]!);
  return values;
}

function faultOf({ to }: Move, values: readonly string[]): string | null {
  if (to === "query") return null;
  if (to === "header") return values.every((value) => HEADER_VALUE.test(value)) ? null : "holds control characters";
  return values.length === 1 ? segmentFault(values[0]!) : "must be there once";
}

/** What a server might read as another path. */
function segmentFault(value: string): string | null {
  if (value === "") return "is empty";
  return value === "." || value === ".." || /[/\\]|[^\x20-\x7e\x80-\xff]/.test(value)
    ? "cannot be a segment of a path"
    : null;
}

interface QueryPair {
  name: string;
  value: string;
  raw: string;
}

function pairsOf(query: string): QueryPair[] | Refusal {
  const pairs: QueryPair[] = [];
  for (const raw of query.slice(1).split("&")) {
    if (raw === "") continue;
    const end = raw.indexOf("=");
    const name = unescaped(end === -1 ? raw : raw.slice(0, end));
    const value = unescaped(end === -1 ? "" : raw.slice(end + 1));
    if (name === null || value === null) return refuse("request_invalid", "The query holds a broken percent escape.");
    pairs.push({ name, value, raw });
  }
  return pairs;
}

/** Text of a form (`+` is a space) as bytes, or null. */
function unescaped(text: string): string | null {
  if (/%(?![0-9A-Fa-f]{2})/.test(text)) return null;
  return text
    .replaceAll("+", " ")
    .replace(/%(..)/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
}

function escaped(bytes: string): string {
  return bytes.replace(
    /[^A-Za-z0-9\-._~]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
  );
}

function pathParameterOf(flat: readonly string[], name: string): string[] {
  for (let at = 0; at < flat.length; at += 2) if (flat[at] === name) return [bytesOf(flat[at + 1]!)];
  return [];
}

function nameIn(location: string, name: string): string {
  if (location === "header") return name.toLowerCase();
  return location === "query" ? bytesOf(name) : name;
}

/** The bytes of a text in UTF-8, one to a character. */
function bytesOf(text: string): string {
  return Buffer.from(text).toString("latin1");
}

function locationOf(text: string): Location {
  if (text === "path" || text === "query" || text === "header") return text;
  throw new Error(`${text} is no place for a parameter`);
}

function segmentsOf(path: string): string[] {
  return path === "" || path === "/" ? [] : path.slice(1).split("/");
}
