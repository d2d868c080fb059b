import assert from "node:assert/strict";
import { test } from "node:test";
import type { Invoke, RouteConstants } from "@millrace/frames";
import { awsEvent1, awsEvent2 } from "./aws-event.ts";
import { jdEvent } from "./jd-event.ts";
import { bodyText, readTarget } from "./request-parts.ts";

const ROUTE: RouteConstants = {
  apiUid: "api-1",
  apiName: "getPet",
  groupName: "petstore",
  revision: "0.0.1",
  environment: "test",
  region: "local-1",
  ownerPin: "c2hvcA==",
  resource: "/petstore/pets/{petId}",
  hostLabel: "abc-test",
  eventFormat: "jd",
};

const INVOKE: Invoke = {
  remainingMs: 1000,
  depth: 0,
  attempt: 1,
  requestId: "r-1",
  traceparent: "",
  functionKey: "fn-1@1",
  route: "",
  method: "POST",
  target: "/petstore/pets/7?a=1&b=2&b=3&c&d=&e=%20+%zz",
  pathParameters: ["petId", "7"],
  sourceIp: "192.0.2.1",
  protocol: "HTTP/1.1",
  scheme: "https",
  identity: { keyId: "key-1", accountId: "shop", authType: "signature" },
  headers: [
    "host",
    "abc-test.local",
    "accept",
    "a/b",
    "accept",
    "c/d",
    "cookie",
    "x=1",
    "cookie",
    "y=2",
    "user-agent",
    "u",
  ],
  body: Buffer.from(`{"name":"Fido"}`),
};

// biome-ignore lint/suspicious/noExplicitAny: events are plain data of three shapes
const plain = (event: object): any => JSON.parse(JSON.stringify(event));

test("JD's event: one value is a string, several are a list, none is true", () => {
  const { detail, ...event } = plain(jdEvent(INVOKE, ROUTE, INVOKE.body));
  assert.deepEqual(detail.queryParameters, { a: "1", b: ["2", "3"], c: true, d: "", e: "%20+%zz" });
  assert.equal(detail.rawQueryString, "a=1&b=2&b=3&c&d=&e=%20+%zz");
  assert.equal(detail.path, "/petstore/pets/7");
  assert.equal(detail.httpMethod, "POST");
  assert.deepEqual(detail.pathParameters, { petId: "7" });
  assert.equal(detail.headers.accept, "a/b, c/d");
  assert.equal(detail.headers.cookie, "x=1; y=2");
  assert.deepEqual(detail.multiValueHeaders.accept, ["a/b", "c/d"]);
  assert.deepEqual([detail.body, detail.isBase64Encoded], [`{"name":"Fido"}`, false]);
  assert.deepEqual(detail.requestContext, {
    stage: "test",
    apiId: "api-1",
    apiName: "getPet",
    groupId: "petstore",
    revision: "0.0.1",
    identity: { accountId: "shop", apiKey: "key-1", user: "shop", authType: "signature" },
    requestId: "r-1",
    sourceIp: "192.0.2.1",
    protocol: "HTTP/1.1",
    host: "abc-test.local",
  });
  assert.match(event.id, /^[0-9a-f-]{36}$/);
  assert.ok(Math.abs(Date.parse(event.time) - Date.now()) < 5_000);
  assert.deepEqual(
    [event.version, event.source, event.base64OwnerPin, event.resources, event.region, event.detailType],
    ["0", "apigateway", "c2hvcA==", ["jrn:apigateway:local-1::api/api-1"], "local-1", "ApiGatewayReceived"],
  );
});

test("AWS 1.0: single maps hold the last value, multi maps all, empty maps are null", () => {
  const event = plain(awsEvent1(INVOKE, ROUTE, INVOKE.body));
  assert.equal(event.version, "1.0");
  assert.deepEqual(event.queryStringParameters, { a: "1", b: "3", c: "", d: "", e: "%20+%zz" });
  assert.deepEqual(event.multiValueQueryStringParameters.b, ["2", "3"]);
  assert.equal(event.headers.accept, "c/d");
  assert.equal(event.resource, "/petstore/pets/{petId}");
  assert.equal(event.requestContext.identity.sourceIp, "192.0.2.1");
  const bare = plain(awsEvent1({ ...INVOKE, target: "/", pathParameters: [] }, ROUTE, new Uint8Array()));
  assert.deepEqual([bare.queryStringParameters, bare.pathParameters, bare.body], [null, null, null]);
});

test("AWS 2.0: values are joined, cookies stand apart, what is empty is absent", () => {
  const event = plain(awsEvent2(INVOKE, ROUTE, INVOKE.body));
  assert.equal(event.routeKey, "POST /petstore/pets/{petId}");
  assert.equal(event.queryStringParameters.b, "2,3");
  assert.deepEqual(event.cookies, ["x=1", "y=2"]);
  assert.equal(event.headers.cookie, undefined);
  assert.deepEqual(event.requestContext.http, {
    method: "POST",
    path: "/petstore/pets/7",
    protocol: "HTTP/1.1",
    sourceIp: "192.0.2.1",
    userAgent: "u",
  });
  const bare = plain(awsEvent2({ ...INVOKE, target: "/", pathParameters: [], headers: [] }, ROUTE, new Uint8Array()));
  for (const name of ["cookies", "queryStringParameters", "pathParameters", "body"]) assert.ok(!(name in bare), name);
});

test("names like __proto__ are data", () => {
  const invoke = { ...INVOKE, target: "/?__proto__=1&constructor=2", headers: ["__proto__", "x"] };
  const { detail } = plain(jdEvent(invoke, ROUTE, new Uint8Array()));
  assert.equal(Object.getPrototypeOf(detail.queryParameters), Object.prototype);
  assert.equal(({} as Record<string, unknown>).x, undefined);
  assert.equal(detail.queryParameters.constructor, "2");
});

test("a body is text when it is declared as text and is UTF-8, base64 otherwise", () => {
  const text = Buffer.from("héllo");
  assert.deepEqual(bodyText(text, "application/vnd.api+json; charset=utf-8"), {
    text: "héllo",
    isBase64Encoded: false,
  });
  assert.deepEqual(bodyText(text, undefined), { text: "héllo", isBase64Encoded: false });
  assert.equal(bodyText(text, "application/octet-stream").isBase64Encoded, true);
  assert.equal(bodyText(Buffer.from([0xff, 0xfe]), "text/plain").isBase64Encoded, true);
});

test("plus and percent are decoded as forms are; what cannot be decoded stays", () => {
  assert.deepEqual(readTarget("/p?a+b=c%2Bd&&=x").pairs, [
    ["a b", "c+d"],
    ["", "x"],
  ]);
});
