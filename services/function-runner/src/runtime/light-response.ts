// `Response` for functions. Most responses are a text or some bytes with a status and plain headers: these are kept as they were given, and the
// platform's own Response is made only for whoever looks closer. Making one and draining its stream costs more than all else of an
// invocation.
import { delegate, isTagged, nameGlobally, pairsOf } from "./delegate.ts";

/** A response that can be sent as it is. */
export interface PlainResponse {
  status: number;
  /** Flat: name in lower case, value. */
  headers: string[];
  body: string | Uint8Array<ArrayBuffer> | null;
}

const TEXT_TYPE = "text/plain;charset=UTF-8";
const JSON_TYPE = "application/json";
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** What goes into a header unchanged: the platform cuts blanks at both ends. */
const VALUE = /^(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?$/;

class LightResponse {
  #plain: PlainResponse | undefined;
  #real: Response | undefined;

  constructor(body?: ConstructorParameters<typeof Response>[0], init?: ResponseInit) {
    this.#plain = readPlain(body, init, TEXT_TYPE);
    if (!this.#plain) this.#real = new (platformResponse())(body, init);
  }

  static json(value: unknown, init?: ResponseInit): Response {
    const text = JSON.stringify(value);
    const plain = typeof text === "string" ? readPlain(text, init, JSON_TYPE) : undefined;
    if (!plain) return platformResponse().json(value, init);
    const response = new LightResponse();
    response.#plain = plain;
    return response as unknown as Response;
  }

  static error(): Response {
    return platformResponse().error();
  }

  static redirect(...target: Parameters<typeof Response.redirect>): Response {
    return platformResponse().redirect(...target);
  }

  /** Those that the platform itself makes, such as an answer to `fetch`, are responses too. */
  static [Symbol.hasInstance](value: unknown): boolean {
    // biome-ignore lint/complexity/noThisInStatic: a subclass is asked with itself.
    if (this !== LightResponse) return Function.prototype[Symbol.hasInstance].call(this, value);
    if (typeof value !== "object" || value === null) return false;
    return #plain in value || (isTagged(value, "Response") && value instanceof platformResponse());
  }

  /** What it was made of, unless somebody looked closer and may have changed it. */
  static plainOf(value: object): PlainResponse | undefined {
    return #plain in value ? value.#plain : undefined;
  }

  static realOf(value: object): Response {
    return #real in value ? value.#makeReal() : (value as Response);
  }

  #makeReal(): Response {
    if (this.#real) return this.#real;
    const { status, headers, body } = this.#plain!;
    this.#real = new (platformResponse())(body, { status, headers: pairsOf(headers) });
    this.#plain = undefined;
    return this.#real;
  }
}

const platformResponse = delegate(LightResponse, "Response", LightResponse.realOf);
Object.defineProperty(LightResponse, "name", { value: "Response" });

export const { plainOf } = LightResponse;

/** Gives functions the light one under the name of the platform's. */
export function installResponse(): void {
  nameGlobally("Response", LightResponse);
}

/** Undefined for whatever is better left to the platform: other kinds of bodies, and all that it would refuse or alter. */
function readPlain(body: unknown, init: unknown, textType: string): PlainResponse | undefined {
  const { status = 200, headers, ...others } = (init ?? {}) as Record<string, unknown>;
  const isPlainInit = init === undefined || (isPlainObject(init) && Object.keys(others).length === 0);
  if (!isPlainInit || !Number.isInteger(status) || (status as number) < 200 || (status as number) > 599)
    return undefined;
  const flat = headers === undefined ? [] : readHeaders(headers);
  if (!flat) return undefined;
  const plain = { status: status as number, headers: flat, body: null };
  if (body === undefined || body === null) return plain;
  if (NO_BODY.has(plain.status)) return undefined;
  if (typeof body === "string") return { ...plain, headers: withType(flat, textType), body };
  // A copy, as the platform makes one: the function may use its bytes again.
  return body instanceof Uint8Array ? { ...plain, body: new Uint8Array(body) } : undefined;
}

const NO_BODY = new Set([204, 205, 304]);

function readHeaders(headers: unknown): string[] | undefined {
  if (!isPlainObject(headers)) return undefined;
  const flat: string[] = [];
  for (const [name, value] of Object.entries(headers)) {
    const lowerName = name.toLowerCase();
    if (typeof value !== "string" || !TOKEN.test(name) || !VALUE.test(value) || flat.includes(lowerName))
      return undefined;
    flat.push(lowerName, value);
  }
  return flat;
}

function withType(flat: string[], type: string): string[] {
  for (let at = 0; at < flat.length; at += 2) if (flat[at] === "content-type") return flat;
  return [...flat, "content-type", type];
}

function isPlainObject(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return (prototype === Object.prototype || prototype === null) && Object.getOwnPropertySymbols(value).length === 0;
}
