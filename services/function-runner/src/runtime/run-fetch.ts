import type { Call } from "./call.ts";
import { InvocationContext } from "./context.ts";
import type { AnyFunction } from "./find-function.ts";
import type { InstanceFacts } from "./instance-thread.ts";
import { readRoute } from "./request-parts.ts";
import { checkStatus, describe, mayHaveBody, ResponseHeaders, ResponseInvalid } from "./response-headers.ts";

/** A request whose signal is the invocation's. Handing the signal to the constructor costs more than the request itself. */
class InvocationRequest extends Request {
  readonly #call: Call;

  constructor(call: Call, url: string, init: RequestInit) {
    super(url, init);
    this.#call = call;
  }

  static {
    Object.defineProperty(InvocationRequest.prototype, "signal", {
      get(this: InvocationRequest) {
        return this.#call.signal;
      },
    });
  }
}

/** Runs a `fetch(request, env, context)` and sends its response as it comes. Throws what it throws, and ResponseInvalid. */
export async function runFetch(fetch: AnyFunction, call: Call, facts: InstanceFacts): Promise<void> {
  const response = await fetch(makeRequest(call), process.env, new InvocationContext(call, facts));
  // Not `instanceof`: a bundled library may bring its own Response.
  if (!isResponse(response))
    throw new ResponseInvalid(`fetch must return a Response; it returned ${describe(response)}.`);
  const status = checkStatus(response.status);
  const headers = new ResponseHeaders();
  for (const [name, value] of response.headers) headers.add(name, value);
  const head = { status, headers: headers.flat };
  if (response.body === null || !mayHaveBody(status)) await call.sender.whole(head, new Uint8Array());
  else await sendBody(call, head, response.body);
}

function makeRequest(call: Call): Request {
  const { invoke, intake } = call;
  const pairs: [string, string][] = [];
  let host = `${readRoute(invoke.route).hostLabel}.localhost`;
  for (let i = 0; i < invoke.headers.length; i += 2) {
    const name = invoke.headers[i]!;
    if (name === "host") host = invoke.headers[i + 1]!;
    pairs.push([name, invoke.headers[i + 1]!]);
  }
  const url = `${invoke.scheme}://${host}${invoke.target}`;
  const init: RequestInit = { method: invoke.method, headers: pairs };
  if (invoke.method !== "GET" && invoke.method !== "HEAD") {
    const whole = intake.whole;
    if (whole === null) Object.assign(init, { body: intake.stream(), duplex: "half" });
    else if (whole.length > 0) init.body = whole as Uint8Array<ArrayBuffer>;
  }
  return new InvocationRequest(call, url, init);
}

/** A body that is there at once goes with the head; only what is still being made is streamed. */
async function sendBody(call: Call, head: { status: number; headers: string[] }, body: ReadableStream<Uint8Array>) {
  const reader = body.getReader();
  const first = await readChunk(reader);
  if (first === null) return call.sender.whole(head, new Uint8Array());
  const second = readChunk(reader);
  if (await isEndingNow(second)) return call.sender.whole(head, first);
  call.sender.begin(head);
  let wanted = await call.sender.chunk(first);
  for (let chunk = await second; wanted && chunk; chunk = await readChunk(reader)) {
    wanted = await call.sender.chunk(chunk);
  }
  if (wanted) call.sender.end();
  else await reader.cancel("The caller is gone.");
}

/** Whether the stream ends within the microtasks that are waiting now, as that of a body made of a value does. */
async function isEndingNow(next: Promise<Uint8Array | null>): Promise<boolean> {
  let ended = false;
  next.then(
    (chunk) => {
      ended = chunk === null;
    },
    // Whoever reads on hears of it.
    () => {},
  );
  await new Promise<void>((resolve) => process.nextTick(resolve));
  return ended;
}

async function readChunk(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<Uint8Array | null> {
  const { done, value } = await reader.read();
  if (done) return null;
  if (value instanceof Uint8Array) return value;
  throw new ResponseInvalid(`A response's stream must give bytes, not ${describe(value)}.`);
}

function isResponse(value: unknown): value is Response {
  if (typeof value !== "object" || value === null) return false;
  const { status, headers } = value as Response;
  return typeof status === "number" && typeof headers?.entries === "function";
}
