import type { InstanceFacts } from "../sandbox/sandbox-frames.ts";
import type { Call } from "./call.ts";
import { InvocationContext } from "./context.ts";
import type { AnyFunction } from "./find-function.ts";
import { requestOf } from "./light-request.ts";
import { type PlainResponse, plainOf } from "./light-response.ts";
import { checkStatus, describe, mayHaveBody, ResponseHeaders, ResponseInvalid } from "./response-headers.ts";

/** Runs a `fetch(request, env, context)` and sends its response as it comes. Throws what it throws, and ResponseInvalid. */
export async function runFetch(fetch: AnyFunction, call: Call, facts: InstanceFacts): Promise<void> {
  const response = await fetch(requestOf(call), process.env, new InvocationContext(call, facts));
  const plain = isObject(response) ? plainOf(response) : undefined;
  if (plain) return sendPlain(call, plain);
  // Not `instanceof`: a bundled library may bring its own Response.
  if (!isResponse(response))
    throw new ResponseInvalid(`fetch must return a Response; it returned ${describe(response)}.`);
  const status = checkStatus(response.status);
  const headers = new ResponseHeaders();
  const decoded = wasDecoded(response);
  for (const [name, value] of response.headers) if (!(decoded && OF_THE_ENCODED.has(name))) headers.add(name, value);
  const head = { status, headers: headers.flat };
  if (response.body === null || !mayHaveBody(status)) await call.sender.whole(head, NO_BYTES);
  else await sendBody(call, head, response.body);
}

/** Headers that speak of a body as it came, before it was decoded. */
const OF_THE_ENCODED = new Set(["content-encoding", "content-length"]);

/** A function may hand on what it fetched itself: the body was decoded on its way, and the headers still say how it came. */
function wasDecoded({ url, headers }: Response): boolean {
  return typeof url === "string" && url !== "" && headers.has("content-encoding");
}

function sendPlain(call: Call, { status, headers: given, body }: PlainResponse): Promise<void> {
  const headers = new ResponseHeaders();
  for (let at = 0; at < given.length; at += 2) headers.add(given[at]!, given[at + 1]!);
  const bytes = typeof body === "string" ? Buffer.from(body) : (body ?? NO_BYTES);
  return call.sender.whole({ status, headers: headers.flat }, mayHaveBody(status) ? bytes : NO_BYTES);
}

const NO_BYTES = new Uint8Array();

/** A body that is there at once goes with the head; only what is still being made is streamed. */
async function sendBody(call: Call, head: { status: number; headers: string[] }, body: ReadableStream<Uint8Array>) {
  const reader = body.getReader();
  // Also while the function makes the next piece, which may take for ever. What its source throws at this is nobody's any more.
  call.sender.whenCut(() => void reader.cancel("The caller is gone.").catch(() => {}));
  const first = await readChunk(reader);
  if (first === null) return call.sender.whole(head, NO_BYTES);
  const second = readChunk(reader);
  if (await isEndingNow(second)) return call.sender.whole(head, first);
  call.sender.begin(head);
  let wanted = await call.sender.chunk(first);
  for (let chunk = await second; wanted && chunk; chunk = await readChunk(reader)) {
    wanted = await call.sender.chunk(chunk);
  }
  if (wanted) call.sender.end();
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
  if (!isObject(value)) return false;
  const { status, headers } = value as Response;
  return typeof status === "number" && typeof headers?.entries === "function";
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
