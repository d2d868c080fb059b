import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import { buffer } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { Deployment, DeploymentServiceService } from "@millrace/proto/control/v1/deployments";
import { RpcServer } from "@millrace/rpc";
import { type Algorithm, PROFILES, sign } from "@millrace/signing";
import { folderWith, run, writePlatformFile } from "../command-line-fixture.ts";

const ACCESS_KEY = { accessKey: { keyId: "AKIDEXAMPLE" }, secret: "canary-secret" };

interface Received {
  method: string;
  target: string;
  headers: IncomingHttpHeaders;
  body: string;
}

async function start(t: TestContext) {
  const received: Received[] = [];
  const gateway = createServer(async (request, response) => {
    const body = (await buffer(request)).toString();
    received.push({ method: request.method!, target: request.url!, headers: request.headers, body });
    if (request.url!.includes("broken")) {
      const type = "application/problem+json";
      response.writeHead(502, { "content-type": type, "x-millrace-request-id": "r1" }).end('{"component":"function"}');
      return;
    }
    const status = request.url!.includes("missing") ? 404 : 200;
    response
      .writeHead(status, { "x-answer": "yes" })
      .end(request.url!.includes("bytes") ? Buffer.from([255, 0]) : "fine\n");
  }).listen(0, "127.0.0.1");
  await once(gateway, "listening");
  t.after(() => gateway.close());
  const url = `http://127.0.0.1:${(gateway.address() as { port: number }).port}`;
  const server = new RpcServer({
    access: new Proxy({}, { get: () => ({ who: "public" }) }),
    authenticate: async () => ({ kind: "anonymous" }),
    log: { debug: () => {}, warn: () => {}, error: () => {} },
  });
  const { getDeployment } = DeploymentServiceService;
  server.add(
    { getDeployment },
    {
      async getDeployment({ name }) {
        assert.equal(name, "projects/default/groups/store/deployments/test");
        const host = "abcabcabcabc-test.local-1.localhost";
        return Deployment.create({ name, host, pathUrl: `${url}/~abcabcabcabc/test` });
      },
    },
  );
  const port = await server.listen("127.0.0.1", 0);
  t.after(() => server.close());
  const home = folderWith(t, {
    "key.json": JSON.stringify(ACCESS_KEY),
    "subscription.json": JSON.stringify({ subscriptionKey: { keyId: "sub" }, value: "canary-value" }),
    "body.json": '{"name":"Rex"}',
  });
  writePlatformFile(home, { controlPlane: `127.0.0.1:${port}` });
  const call = (argv: string[], more = {}) => run(home, ["call", ...argv, "-g", "store", "-e", "test"], more);
  return { call, received, url, home };
}

test("a call goes to the deployment's path form; the body is on stdout and the status on stderr", async (t) => {
  const { call, received } = await start(t);
  const { exitCode, stdout, stderr } = await call(["get", "/pets/1?a=b%20c", "-H", "accept: text/plain"]);
  assert.deepEqual([exitCode, stdout, stderr], [0, "fine\n", "200 OK\n"]);
  assert.equal(received[0]!.method, "GET");
  assert.equal(received[0]!.target, "/~abcabcabcabc/test/pets/1?a=b%20c");
  assert.equal(received[0]!.headers.accept, "text/plain");
  assert.equal(received[0]!.headers.authorization, undefined);
});

for (const profile of Object.keys(PROFILES) as Algorithm[]) {
  test(`with a key the request is signed for the deployment by ${profile}`, async (t) => {
    const { call, received, url } = await start(t);
    const argv = ["POST", "/pets?b=2&a=1", "--key-file", "key.json", "--profile", profile, "-d", "@body.json"];
    const { stdout, stderr } = await call(argv);
    const { headers, body } = received[0]!;
    assert.equal(body, '{"name":"Rex"}');
    assert.match(
      headers.authorization ?? "",
      new RegExp(`^${profile} Credential=AKIDEXAMPLE/\\d{8}/local-1/abcabcabcabc-test/`),
    );
    assert.equal(headers.authorization, resigned(profile, received[0]!, url));
    assert.doesNotMatch(JSON.stringify(headers) + stdout + stderr, /canary/);
  });
}

test("a secret may be piped in beside the id of its key", async (t) => {
  const { call, received } = await start(t);
  await call(["GET", "/pets", "--key-id", "AKIDEXAMPLE"], { input: "canary-secret\n" });
  assert.match(received[0]!.headers.authorization ?? "", /Credential=AKIDEXAMPLE\//);
});

test("a subscription key is sent in its header", async (t) => {
  const { call, received } = await start(t);
  await call(["GET", "/pets", "--key-file", "subscription.json"]);
  assert.equal(received[0]!.headers["x-api-key"], "canary-value");
});

test("a failing status is exit code 1, and one JSON document says all of the answer", async (t) => {
  const { call } = await start(t);
  const { exitCode, stdout } = await call(["GET", "/missing", "-o", "json"]);
  const { status, headers, body } = JSON.parse(stdout);
  assert.deepEqual([exitCode, status, headers["x-answer"], body], [1, 404, "yes", "fine\n"]);
  const bytes = JSON.parse((await call(["GET", "/bytes", "-o", "json"])).stdout);
  assert.deepEqual([bytes.isBase64Encoded, bytes.body], [true, "/wA="]);
});

test("a function that failed is followed by the command that shows its log", async (t) => {
  const { call } = await start(t);
  const { exitCode, stdout, stderr } = await call(["GET", "/broken"]);
  assert.deepEqual([exitCode, stdout], [1, '{"component":"function"}\n']);
  assert.equal(stderr, "502 Bad Gateway\nwhat happened: millrace --project default logs --request-id r1\n");
  assert.equal((await call(["GET", "/broken", "-o", "json"])).stderr, "");
});

test("--include shows the head as it came", async (t) => {
  const { call } = await start(t);
  const { stdout } = await call(["GET", "/pets", "-i"]);
  assert.match(stdout, /^200 OK\nx-answer: yes\n/);
  assert.match(stdout, /\n\nfine\n$/);
});

test("a caller who is no member calls by URL", async (t) => {
  const { home, url, received } = await start(t);
  const base = `${url}/~abcabcabcabc/preview`;
  const without = await run(home, ["call", "GET", "/pets", "--url", base, "--key-file", "key.json"]);
  assert.deepEqual([without.exitCode, without.stderr], [2, "error: --region: is required with this form of URL\n"]);
  await run(home, ["call", "GET", "/pets", "--url", base, "--region", "local-1", "--key-file", "key.json"]);
  assert.match(received[0]!.headers.authorization ?? "", /\/local-1\/abcabcabcabc-preview\//);
});

test("what cannot be a request is wrong use that names its field", async (t) => {
  const { call } = await start(t);
  const faults = [
    await call(["GET", "pets"]),
    await call(["G T", "/pets"]),
    await call(["GET", "/pets", "-H", "no header"]),
    await call(["GET", "/pets", "--key-file", "body.json"]),
    await call(["GET", "/pets", "--key-file", "key.json", "--key-id", "x"]),
  ];
  assert.deepEqual(
    faults.map(({ exitCode, stderr }) => [exitCode, stderr.split(":")[1]!.trim()]),
    [
      [2, "path"],
      [2, "method"],
      [2, "--header"],
      [2, "--key-file"],
      [2, "--key-file"],
    ],
  );
});

/** The authorization that the signing library makes of what arrived. */
function resigned(algorithm: Algorithm, { method, target, headers, body }: Received, url: string): string | undefined {
  const profile = PROFILES[algorithm];
  const signed = /SignedHeaders=([^,]+)/.exec(headers.authorization ?? "")![1]!.split(";");
  const date = String(headers[profile.headers.date]);
  const iso = date.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, "$1-$2-$3T$4:$5:$6Z");
  return sign(profile, {
    method,
    url: url + target,
    headers: signed.map((name) => [name, String(headers[name])]),
    body,
    keyId: ACCESS_KEY.accessKey.keyId,
    secret: ACCESS_KEY.secret,
    region: "local-1",
    service: "abcabcabcabc-test",
    now: new Date(iso),
    nonce: String(headers[profile.headers.nonce]),
  }).authorization;
}
