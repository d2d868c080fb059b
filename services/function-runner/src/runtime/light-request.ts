// `Request` for functions: as it came, until somebody asks for more than its method, URL or headers. Then the platform's own is made, once.
import type { Call } from "./call.ts";
import { delegate, nameGlobally, pairsOf } from "./delegate.ts";
import { hostOf } from "./request-parts.ts";

const platformFetch = globalThis.fetch;

/** The request of an invocation. */
class LightRequest {
  readonly #call: Call;
  #url: string | undefined;
  #headers: Headers | undefined;
  #real: Request | undefined;

  constructor(call: Call) {
    this.#call = call;
  }

  get method(): string {
    return this.#call.invoke.method;
  }

  get url(): string {
    this.#url ??= new URL(urlOf(this.#call)).href;
    return this.#url;
  }

  get headers(): Headers {
    this.#headers ??= new Headers(pairsOf(this.#call.invoke.headers));
    return this.#headers;
  }

  /** Aborts when the time is over and when the caller is gone. */
  get signal(): AbortSignal {
    return this.#call.signal;
  }

  static realOf(value: object): Request {
    return #real in value ? value.#makeReal() : (value as Request);
  }

  /** Handing the signal to the constructor would cost more than the request itself. */
  #makeReal(): Request {
    this.#real ??= new (platformRequest())(this.url, {
      method: this.method,
      headers: this.headers,
      ...bodyOf(this.#call),
    });
    return this.#real;
  }
}

const platformRequest = delegate(LightRequest, "Request", LightRequest.realOf);

let functionRequest: typeof Request | undefined;

/** The name under which functions make requests of their own: of a light one too, which the platform would not know. */
function requestClass(): typeof Request {
  functionRequest ??= makeClass(platformRequest());
  return functionRequest;
}

function makeClass(PlatformRequest: typeof Request): typeof Request {
  class FunctionRequest extends PlatformRequest {
    constructor(input: ConstructorParameters<typeof Request>[0], init?: RequestInit) {
      super(typeof input === "object" ? (LightRequest.realOf(input) as Request) : input, withSignal(input, init));
    }
  }
  // A subclass is asked with itself.
  function hasInstance(this: unknown, value: unknown): boolean {
    const isOurs = this === FunctionRequest || this === lazyRequest;
    return Function.prototype[Symbol.hasInstance].call(isOurs ? PlatformRequest : this, value);
  }
  Object.defineProperty(FunctionRequest, Symbol.hasInstance, { value: hasInstance });
  Object.defineProperty(FunctionRequest, "name", { value: "Request" });
  return FunctionRequest;
}

/** Nothing is loaded for a function that never uses the name. */
const lazyRequest: typeof Request = new Proxy(function Request() {} as never, {
  construct: (_, values, target) =>
    Reflect.construct(requestClass(), values, target === lazyRequest ? requestClass() : target),
  get: (_, key) => Reflect.get(requestClass(), key),
  has: (_, key) => Reflect.has(requestClass(), key),
});
Object.defineProperty(LightRequest.prototype, "constructor", { value: lazyRequest, enumerable: false });

/** What is made of an invocation's request ends with the invocation, unless it is told otherwise. */
function withSignal(input: unknown, init: RequestInit | undefined): RequestInit | undefined {
  if (!(input instanceof LightRequest) || init?.signal !== undefined) return init;
  return { ...init, signal: input.signal };
}

export function requestOf(call: Call): Request {
  return new LightRequest(call) as unknown as Request;
}

/** Gives functions `Request` and `fetch` that know the light one. */
export function installRequest(): void {
  nameGlobally("Request", lazyRequest);
  globalThis.fetch = function fetch(input, init) {
    return platformFetch(
      typeof input === "object" ? (LightRequest.realOf(input) as Request) : input,
      withSignal(input, init),
    );
  };
}

function urlOf({ invoke }: Call): string {
  return `${invoke.scheme}://${hostOf(invoke)}${invoke.target}`;
}

function bodyOf({ invoke, intake }: Call): RequestInit {
  if (invoke.method === "GET" || invoke.method === "HEAD") return {};
  const { whole } = intake;
  if (whole === null) return { body: intake.stream(), duplex: "half" };
  return whole.length > 0 ? { body: whole as Uint8Array<ArrayBuffer> } : {};
}
