/** Signers that others wrote, unchanged, against a released API. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { describe, test } from "node:test";
import { promisify } from "node:util";
import { Sha256 } from "@aws-crypto/sha256-js";
import { MatchType } from "@millrace/proto/control/v1/apis";
import { AccessMode } from "@millrace/proto/control/v1/groups";
import { SignatureV4 } from "@smithy/signature-v4";
import { assertRefused, untilAnswer } from "./support/expect-answer.ts";
import { type Answer, type Call, problemOf, send, splitUrl } from "./support/http.ts";
import { jdSigned } from "./support/jd-node-signer.ts";
import { authorizeKey, createAccessKey, provision } from "./support/provision.ts";
import { hostLabelOf, REGION, sendSigned } from "./support/signed-call.ts";
import { testPlatform } from "./support/test-platform.ts";

const run = promisify(execFile);

const platform = await testPlatform();
const { rpc } = platform;
const ECHO = `export const handler = async ({ detail }) => ({
  statusCode: 200,
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ path: detail.path, query: detail.queryParameters, body: detail.body }),
});`;
const shop = await provision(rpc, {
  access: AccessMode.AUTHORIZED,
  functions: { echo: { code: ECHO } },
  apis: {
    readAny: { method: "GET", path: "/items", match: MatchType.PREFIX, backend: "echo" },
    makeAny: { method: "POST", path: "/items", match: MatchType.PREFIX, backend: "echo" },
  },
});
const deployment = shop.deployment();
const key = await createAccessKey(rpc, shop.project);
await authorizeKey(rpc, deployment.name, key.keyId);
await untilAnswer(() => sendSigned({ algorithm: "AWS4-HMAC-SHA256", key, deployment, path: "/items" }));

const { origin, target: base } = splitUrl(deployment.pathUrl);
const host = origin.slice("http://".length);
const SCOPE = { region: REGION, service: hostLabelOf(deployment) };
const CREDENTIALS = { accessKeyId: key.keyId, secretAccessKey: key.secret };

type Seen = { readonly path: string; readonly query: Record<string, unknown>; readonly body: string };

function assertSeen(text: string, expected: Partial<Seen>): void {
  const seen = JSON.parse(text) as Seen;
  for (const [member, value] of Object.entries(expected)) assert.deepEqual(seen[member as keyof Seen], value, text);
}

const curlCanSign = await run("curl", ["--help", "all"]).then(
  ({ stdout }) => stdout.includes("--aws-sigv4"),
  () => false,
);
const skip = curlCanSign ? false : "curl 7.75 or newer is needed: apt-get install curl";

describe("curl --aws-sigv4", () => {
  async function curl(path: string, ...options: string[]): Promise<{ status: number; text: string }> {
    const scope = `aws:amz:${SCOPE.region}:${SCOPE.service}`;
    const fixed = ["--silent", "--max-time", "10", "--path-as-is", "--write-out", "\n%{http_code}"];
    // The secret goes by standard input: arguments are visible to every process.
    const signing = ["--aws-sigv4", scope, "--config", "-"];
    const child = run("curl", [...fixed, ...signing, ...options, `${deployment.pathUrl}${path}`]);
    child.child.stdin!.end(`user = "${key.keyId}:${key.secret}"\n`);
    const { stdout } = await child;
    const newline = stdout.lastIndexOf("\n");
    return { status: Number(stdout.slice(newline + 1)), text: stdout.slice(0, newline) };
  }

  const calls: Record<string, [path: string, options: string[], expected: Partial<Seen>]> = {
    "an unsorted query": ["/items?z=1&b=3&a=2", [], { query: { z: "1", b: "3", a: "2" } }],
    "a blank, a plus and an empty value in the query": [
      "/items?q=a%20b&p=x+y&plus=a%2Bb&empty=",
      [],
      { query: { q: "a b", p: "x y", plus: "a+b", empty: "" } },
    ],
    "repeated parameters": ["/items?tag=b&tag=a", [], { query: { tag: ["b", "a"] } }],
    "a query that curl encodes": ["/items", ["--get", "--data-urlencode", "q=a b+c/é"], { query: { q: "a b+c/é" } }],
    "a blank in the path": ["/items/a%20b", [], {}],
    "a body with curl's own content type": ["/items", ["--data", "name=Ada&x=1"], { body: "name=Ada&x=1" }],
    "a JSON body": [
      "/items",
      ["--header", "content-type: application/json", "--data", '{"name":"Ada"}'],
      { body: '{"name":"Ada"}' },
    ],
    "a nonce": ["/items", ["--header", "x-millrace-nonce: 5d1a-0001"], {}],
  };
  for (const [title, [path, options, expected]] of Object.entries(calls)) {
    test(`signs ${title}`, { skip }, async () => {
      const { status, text } = await curl(path, ...options);
      assert.equal(status, 200, text);
      assertSeen(text, expected);
    });
  }

  test("is refused when its nonce comes again", { skip }, async () => {
    const nonce = ["--header", "x-millrace-nonce: 5d1a-0002"];
    assert.equal((await curl("/items", ...nonce)).status, 200);
    const { status, text } = await curl("/items", ...nonce);
    assert.equal(status, 401);
    assert.equal((JSON.parse(text) as { reason: string }).reason, "nonce_reused");
  });
});

/** Sends what a signer made, and checks that the same signature does not open an altered target. */
async function assertOpens(call: Call, expected: Partial<Seen>): Promise<void> {
  const answer = await send(call);
  assert.equal(answer.status, 200, answer.text);
  assertSeen(answer.text, expected);
  const { origin: to, target } = splitUrl(call.url);
  const elsewhere: Answer = await send({ ...call, url: `${to}${target}${target.includes("?") ? "&" : "?"}added=1` });
  assert.ok(["signature_mismatch", "nonce_reused"].includes(problemOf(elsewhere).reason), elsewhere.text);
}

const TARGETS: Record<string, Partial<Seen>> = {
  "/items": {},
  "/items/a%20b": {},
  "/items/a:adopt": {},
  "/items/%E4%B8%AD": {},
  "/items?z=1&a=x%20y&empty=&plus=a%2Bb": { query: { z: "1", a: "x y", empty: "", plus: "a+b" } },
};

describe("npm aws4", () => {
  type Signed = { readonly method: string; readonly path: string; readonly headers: Record<string, string> };
  const aws4 = createRequire(import.meta.url)("aws4") as { sign(request: object, credentials: object): Signed };

  for (const [target, expected] of Object.entries(TARGETS)) {
    test(`signs ${target}`, async () => {
      const { path, headers } = aws4.sign({ host, method: "GET", path: base + target, ...SCOPE }, CREDENTIALS);
      await assertOpens({ url: origin + path, headers }, expected);
    });
  }

  test("signs a body", async () => {
    const body = '{"name":"Ada"}';
    const given = {
      host,
      method: "POST",
      path: `${base}/items`,
      headers: { "content-type": "application/json" },
      body,
    };
    const { path, headers } = aws4.sign({ ...given, ...SCOPE }, CREDENTIALS);
    await assertOpens({ method: "POST", url: origin + path, headers, body }, { body });
    const altered = await send({ method: "POST", url: origin + path, headers, body: '{"name":"Eve"}' });
    assertRefused(altered, { status: 401, reason: "signature_mismatch" });
  });
});

describe("@smithy/signature-v4, the AWS SDK's signer", () => {
  const signer = new SignatureV4({ credentials: CREDENTIALS, sha256: Sha256, ...SCOPE });

  async function signed(method: string, path: string, query: Record<string, string>, body?: string): Promise<Call> {
    const headers = { host, ...(body === undefined ? {} : { "content-type": "application/json" }) };
    const plain = { method, protocol: "http:", hostname: host, path: base + path, query, headers };
    const result = await signer.sign(body === undefined ? plain : { ...plain, body });
    const search = Object.entries(query).map((pair) => pair.map(encodeURIComponent).join("="));
    const url = `${origin}${base}${path}${search.length === 0 ? "" : `?${search.join("&")}`}`;
    return { method, url, headers: result.headers, ...(body === undefined ? {} : { body }) };
  }

  for (const path of ["/items", "/items/a%20b", "/items/a:adopt", "/items/%E4%B8%AD"]) {
    test(`signs ${path}`, async () => {
      const query = { z: "1", a: "x y", plus: "a+b", empty: "" };
      await assertOpens(await signed("GET", path, query), { query });
    });
  }

  test("signs a body, which then cannot be exchanged", async () => {
    const call = await signed("POST", "/items", {}, '{"name":"Ada"}');
    await assertOpens(call, { body: '{"name":"Ada"}' });
    const altered = await send({ ...call, body: '{"name":"Eve"}' });
    assertRefused(altered, { status: 401, reason: "body_hash_mismatch" });
  });
});

for (const version of [2, 3] as const) {
  describe(`JD's Node signer, generation ${version}`, () => {
    const common = { version, ...SCOPE, keyId: key.keyId, secret: key.secret };

    for (const [target, expected] of Object.entries(TARGETS)) {
      test(`signs ${target}`, async () => {
        await assertOpens(jdSigned({ ...common, method: "GET", url: deployment.pathUrl + target }), expected);
      });
    }

    test("signs a body, which then cannot be exchanged", async () => {
      const request = {
        ...common,
        method: "POST",
        url: `${deployment.pathUrl}/items`,
        headers: { "content-type": "application/json" },
        body: '{"name":"Ada"}',
      };
      await assertOpens(jdSigned(request), { body: request.body });
      const altered = await send({ ...jdSigned(request), body: '{"name":"Eve"}' });
      assertRefused(altered, { status: 401, reason: "signature_mismatch" });
    });

    test("is refused when it signs with another secret", async () => {
      const call = jdSigned({ ...common, secret: "another", method: "GET", url: `${deployment.pathUrl}/items` });
      assertRefused(await send(call), { status: 401, reason: "signature_mismatch" });
    });
  });
}
