import type { EventKind } from "./test-event.ts";

// What a new test event begins as: one example of each kind, with all members that code may look for.

export interface EventTemplate {
  kind: EventKind;
  title: string;
  body: string;
}

const JD = {
  version: "0",
  id: "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
  time: "2026-01-02T15:04:05.999Z",
  source: "apigateway",
  base64OwnerPin: "c2hvcA==",
  resources: ["jrn:apigateway:local-1::api/api-1"],
  region: "local-1",
  detailType: "ApiGatewayReceived",
  detail: {
    path: "/petstore/pets/7",
    httpMethod: "GET",
    headers: { accept: "application/json", host: "petstore.example.com" },
    multiValueHeaders: { accept: ["application/json"], host: ["petstore.example.com"] },
    pathParameters: { petId: "7" },
    queryParameters: { verbose: "1" },
    multiValueQueryParameters: { verbose: ["1"] },
    rawQueryString: "verbose=1",
    body: "",
    isBase64Encoded: false,
    requestContext: {
      stage: "test",
      apiId: "api-1",
      apiName: "getPet",
      groupId: "petstore",
      revision: "0.0.1",
      identity: { accountId: "", apiKey: "", user: "", authType: "" },
      requestId: "test-1",
      sourceIp: "192.0.2.1",
      protocol: "HTTP/1.1",
      host: "petstore.example.com",
    },
  },
};

const AWS_1 = {
  version: "1.0",
  resource: "/pets/{petId}",
  path: "/pets/7",
  httpMethod: "GET",
  headers: { accept: "application/json", host: "petstore.example.com" },
  multiValueHeaders: { accept: ["application/json"], host: ["petstore.example.com"] },
  queryStringParameters: { verbose: "1" },
  multiValueQueryStringParameters: { verbose: ["1"] },
  pathParameters: { petId: "7" },
  stageVariables: null,
  requestContext: {
    accountId: "shop",
    apiId: "petstore",
    httpMethod: "GET",
    identity: { sourceIp: "192.0.2.1", userAgent: "curl/8.0" },
    path: "/pets/7",
    protocol: "HTTP/1.1",
    requestId: "test-1",
    resourcePath: "/pets/{petId}",
    stage: "test",
  },
  body: null,
  isBase64Encoded: false,
};

const AWS_2 = {
  version: "2.0",
  routeKey: "GET /pets/{petId}",
  rawPath: "/pets/7",
  rawQueryString: "verbose=1",
  cookies: [],
  headers: { accept: "application/json", host: "petstore.example.com" },
  queryStringParameters: { verbose: "1" },
  pathParameters: { petId: "7" },
  requestContext: {
    accountId: "shop",
    apiId: "petstore",
    domainName: "petstore.example.com",
    http: { method: "GET", path: "/pets/7", protocol: "HTTP/1.1", sourceIp: "192.0.2.1", userAgent: "curl/8.0" },
    requestId: "test-1",
    routeKey: "GET /pets/{petId}",
    stage: "test",
  },
  isBase64Encoded: false,
};

const REQUEST = {
  method: "GET",
  path: "/pets/7?verbose=1",
  headers: { accept: "application/json" },
  pathParameters: { petId: "7" },
  body: "",
};

export const EVENT_TEMPLATES: readonly EventTemplate[] = [
  { kind: "jd", title: "JD Cloud API-gateway event", body: text(JD) },
  { kind: "aws-1", title: "AWS proxy event 1.0", body: text(AWS_1) },
  { kind: "aws-2", title: "AWS proxy event 2.0", body: text(AWS_2) },
  { kind: "request", title: "HTTP request", body: text(REQUEST) },
];

/** What a function is tried with when nothing else is asked for. */
export function defaultEvent(shape: "handler" | "fetch"): EventTemplate {
  return EVENT_TEMPLATES.find(({ kind }) => kind === (shape === "fetch" ? "request" : "jd"))!;
}

function text(event: object): string {
  return JSON.stringify(event, null, 2);
}
