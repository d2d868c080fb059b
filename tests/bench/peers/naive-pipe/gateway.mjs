// One NATS request per HTTP request; builds JD's API-gateway event and maps the result back.
import { randomUUID } from "node:crypto";
import http from "node:http";
import { connect } from "@nats-io/transport-node";

const nats = await connect({ servers: process.env.NATS_URL ?? "127.0.0.1:4222" });
const encoder = new TextEncoder();
const decoder = new TextDecoder();

http
  .createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const url = new URL(request.url, "http://gateway");
    const requestId = randomUUID();
    const event = {
      version: "0",
      id: requestId,
      time: new Date().toISOString(),
      source: "apigateway",
      base64OwnerPin: "",
      resources: [],
      region: "local-1",
      detailType: "ApiGatewayReceived",
      detail: {
        path: url.pathname,
        httpMethod: request.method,
        headers: request.headers,
        pathParameters: {},
        queryParameters: Object.fromEntries(url.searchParams),
        body: Buffer.concat(chunks).toString("utf8"),
        requestContext: {
          stage: "online",
          apiId: "hello",
          requestId,
          sourceIp: request.socket.remoteAddress,
          identity: { accountId: "", apiKey: "", user: "", authType: "" },
        },
      },
    };
    try {
      const reply = await nats.request("naive.invoke", encoder.encode(JSON.stringify(event)), { timeout: 10_000 });
      const result = JSON.parse(decoder.decode(reply.data));
      response.writeHead(result.statusCode, result.headers).end(result.body);
    } catch {
      response.writeHead(502).end();
    }
  })
  .listen(Number(process.argv[2] ?? 8080));
