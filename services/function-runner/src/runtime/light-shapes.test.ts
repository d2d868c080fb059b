import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { inspect } from "node:util";
import { FLAG, FRAME, FrameWriter, type Invoke } from "@millrace/frames";
import { testInvoke } from "@millrace/testing";
import { Call } from "./call.ts";
import { installRequest, requestOf } from "./light-request.ts";
import { installResponse, plainOf } from "./light-response.ts";

// The light shapes beside the platform's: nobody can tell them apart, save by the clock.

const Platform = { Request: globalThis.Request, Response: globalThis.Response, fetch: globalThis.fetch };
installRequest();
installResponse();
test.after(() => Object.assign(globalThis, Platform));

type Made = () => Response;
const bytes = new TextEncoder().encode("bytes");
const ALIKE: Record<string, (R: typeof Response) => Response> = {
  "nothing at all": (R) => new R(),
  "a text": (R) => new R("text"),
  "an empty text": (R) => new R(""),
  "null with a status": (R) => new R(null, { status: 204 }),
  "a text with a status that has no body": (R) => new R("text", { status: 204 }),
  bytes: (R) => new R(bytes),
  "bytes with a type": (R) => new R(bytes, { headers: { "Content-Type": "image/png" } }),
  "a buffer": (R) => new R(bytes.buffer),
  "form data": (R) => new R(new URLSearchParams({ a: "1" })),
  "a stream": (R) => new R(new Blob(["blob"]).stream()),
  "a status text": (R) => new R("text", { statusText: "Fine" }),
  "a number for a body": (R) => new R(5 as never),
  "an object for a body": (R) => new R({} as never),
  "headers as a list": (R) =>
    new R("x", {
      headers: [
        ["x-a", "1"],
        ["x-a", "2"],
      ],
    }),
  "headers as Headers": (R) => new R("x", { headers: new Headers({ "x-a": "1" }) }),
  "the same header in two spellings": (R) => new R("x", { headers: { "x-a": "1", "X-A": "2" } }),
  "a header that is a number": (R) => new R("x", { headers: { "x-a": 5 as never } }),
  "a header with blanks around it": (R) => new R("x", { headers: { "x-a": "  1 " } }),
  "a header with a line break": (R) => new R("x", { headers: { "x-a": "1\r\nx-b: 2" } }),
  "a header name with a blank": (R) => new R("x", { headers: { "x a": "1" } }),
  "a header beyond latin-1": (R) => new R("x", { headers: { "x-a": "\u2713" } }),
  "an empty header": (R) => new R("x", { headers: { "x-a": "" } }),
  "a status of 199": (R) => new R("x", { status: 199 }),
  "a status of 600": (R) => new R("x", { status: 600 }),
  "a status that is a text": (R) => new R("x", { status: "201" as never }),
  "null for init": (R) => new R("x", null as never),
  JSON: (R) => R.json({ a: [1, null, "\u2713"] }),
  "JSON with a status and headers": (R) => R.json(1, { status: 418, headers: { "x-a": "1" } }),
  "JSON with a type of its own": (R) => R.json(1, { headers: { "content-type": "application/problem+json" } }),
  "JSON of nothing": (R) => R.json(undefined),
  "JSON of a circle": (R) => {
    const circle: Record<string, unknown> = {};
    circle.circle = circle;
    return R.json(circle);
  },
  "a redirect": (R) => R.redirect("http://localhost/there", 303),
  "an error": (R) => R.error(),
  "made of another one": (R) => new R("again", new R("x", { status: 202, headers: { "x-a": "1" } })),
  "a clone": (R) => new R("x", { status: 201 }).clone(),
  "with a header set afterwards": (R) => {
    const response = R.json(1);
    response.headers.set("x-late", "1");
    return response;
  },
  "of a subclass": (R) => new (class Own extends R {})("own", { status: 203 }),
};

async function describe(make: Made) {
  try {
    const response = make();
    const { status, statusText, ok, redirected, type, url, bodyUsed } = response;
    const facts = { status, statusText, ok, redirected, type, url, bodyUsed, hasBody: response.body !== null };
    const kind = [response instanceof Response, Object.prototype.toString.call(response), typeof response.headers];
    return { ...facts, kind, headers: [...response.headers], text: await response.text(), used: response.bodyUsed };
  } catch (error) {
    return `${(error as Error).name}: ${(error as Error).message}`;
  }
}

for (const [what, make] of Object.entries(ALIKE)) {
  test(`a response made of ${what} is like the platform's`, async () => {
    const expected = await describe(() => make(Platform.Response));
    assert.deepEqual(await describe(() => make(Response)), expected);
  });
}

test("what is sent as it was given says the same as the platform's response would", async () => {
  let plain = 0;
  for (const [what, make] of Object.entries(ALIKE)) {
    const response = await Promise.resolve()
      .then(() => make(Response))
      .catch(() => null);
    const given = response && plainOf(response);
    if (!given) continue;
    plain++;
    const expected = make(Platform.Response);
    assert.equal(given.status, expected.status, what);
    const sorted = (headers: Iterable<readonly string[]>) => [...headers].map(String).toSorted();
    const pairs = given.headers.flatMap((name, at) => (at % 2 === 0 ? [[name, given.headers[at + 1]!]] : []));
    assert.deepEqual(sorted(pairs), sorted(expected.headers), what);
    assert.equal(Buffer.from(given.body ?? "").toString(), await expected.text(), what);
  }
  assert.ok(plain >= 8);
});

test("a subclass knows its own instances", () => {
  class Own extends Response {}
  class OwnRequest extends Request {}
  assert.deepEqual([new Own() instanceof Own, new Own() instanceof Response], [true, true]);
  assert.deepEqual([new Response() instanceof Own, Response.json(1) instanceof Own], [false, false]);
  assert.deepEqual([lightRequest() instanceof OwnRequest, lightRequest() instanceof Request], [false, true]);
});

test("bytes that change after the response was made are not sent", () => {
  const mine = new Uint8Array([1, 2]);
  const response = new Response(mine);
  mine[0] = 9;
  assert.deepEqual(plainOf(response)?.body, new Uint8Array([1, 2]));
});

test("a response that somebody looked at closer is sent as it is then", () => {
  const response = new Response("x");
  response.headers.set("x-late", "1");
  assert.equal(plainOf(response), undefined);
  assert.equal(plainOf(Platform.Response.json(1)), undefined);
});

test("a light response shows itself as the platform's does", () => {
  assert.match(inspect(new Response("x")), /^Response \{.*status: 200/s);
  assert.equal(Response.name, "Response");
  assert.equal(new Response().constructor.name, "Response");
});

function lightRequest(overrides: Partial<Invoke> = {}): Request {
  const invoke = testInvoke({
    route: '{"hostLabel":"abc"}',
    target: "/a%20b?x=1",
    headers: ["x-host", "host", "host", "here.example", "x-a", "1", "x-a", "2"],
    body: Buffer.from('{"n":1}'),
    ...overrides,
  });
  const channel = { writer: () => new FrameWriter() };
  return requestOf(
    new Call(channel as never, { type: FRAME.invoke, flags: FLAG.end, call: 1, payload: Buffer.alloc(0) }, invoke),
  );
}

test("a light request is a Request in every way", async () => {
  const request = lightRequest();
  assert.ok(request instanceof Request);
  assert.ok(request instanceof Platform.Request);
  assert.equal(request.constructor, Request);
  assert.equal(Object.prototype.toString.call(request), "[object Request]");
  assert.deepEqual([request.method, request.url], ["POST", "http://here.example/a%20b?x=1"]);
  assert.equal(request.headers.get("x-a"), "1, 2");
  assert.equal(request.headers, request.headers);
  assert.deepEqual([request.bodyUsed, request.redirect, request.mode], [false, "follow", "cors"]);
  assert.deepEqual(await request.clone().json(), { n: 1 });
  assert.equal(await request.text(), '{"n":1}');
  assert.equal(request.bodyUsed, true);
  await assert.rejects(request.text(), TypeError);
  assert.match(inspect(lightRequest()), /^Request \{.*method: 'POST'/s);
});

test("a request can be made of a light one, changed, and it ends with the invocation", async () => {
  const request = lightRequest();
  const changed = new Request(request, { headers: { "x-b": "1" } });
  assert.deepEqual([changed.method, changed.headers.get("x-b"), await changed.text()], ["POST", "1", '{"n":1}']);
  const rewritten = new Request("http://there.example/", lightRequest());
  assert.deepEqual(
    [rewritten.url, rewritten.method, await rewritten.text()],
    ["http://there.example/", "POST", '{"n":1}'],
  );
  assert.ok(new Request("http://there.example/") instanceof Request);
  assert.ok(new (class Own extends Request {})("http://there.example/") instanceof Request);
  assert.throws(() => new Request("no url"), TypeError);
});

test("fetch takes a light request, with its headers as the function has changed them", async (t) => {
  const server = createServer((incoming, answer) =>
    incoming.pipe(answer.setHeader("x-seen", incoming.headers["x-late"] ?? "")),
  );
  await once(server.listen(0, "127.0.0.1"), "listening");
  t.after(() => server.close());
  const request = lightRequest({ headers: ["host", `127.0.0.1:${(server.address() as AddressInfo).port}`] });
  request.headers.set("x-late", "yes");
  const response = await fetch(request);
  assert.deepEqual([response.headers.get("x-seen"), await response.text()], ["yes", '{"n":1}']);
  assert.ok(response instanceof Response);
  server.closeAllConnections();
});

test("a request with a Host that is none can be answered all the same", () => {
  const request = lightRequest({ headers: ["host", "999.999.1.1"] });
  assert.equal(request.method, "POST");
  assert.throws(() => request.url, TypeError);
});
