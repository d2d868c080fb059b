/** Independent signers of npm, over HTTP: aws4 (which Postman uses, too) and the AWS SDK's own. */
import assert from "node:assert/strict";
import { createHash, createHmac, type Hash, type Hmac } from "node:crypto";
import { request as httpRequest } from "node:http";
import { createRequire } from "node:module";
import { text } from "node:stream/consumers";
import { describe, test } from "node:test";
import { SignatureV4 } from "@smithy/signature-v4";
import { holds, type Received, receive } from "./received.ts";

const KEY = { accessKeyId: "KEY", secretAccessKey: "npm-signer-secret" };
const SCOPE = { region: "local-1", service: "abc123def456" };
const aws4 = createRequire(import.meta.url)("aws4") as { sign(request: object, credentials: object): Sendable };

interface Sendable {
  readonly method: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body?: string;
}

/** The hash that the AWS SDK asks for; keyed, it is an HMAC. */
class Sha256 {
  readonly #state: Hash | Hmac;
  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#state = secret === undefined ? createHash("sha256") : createHmac("sha256", secret as Buffer);
  }
  update(data: Uint8Array | string): void {
    this.#state.update(data);
  }
  async digest(): Promise<Uint8Array> {
    return this.#state.digest();
  }
  reset(): void {
    throw new Error("a hash is used once");
  }
}

async function deliver(prepare: (host: string) => Sendable | Promise<Sendable>): Promise<Received> {
  await using receiver = await receive();
  const { method, path, headers, body } = await prepare(`127.0.0.1:${receiver.port}`);
  const sent = httpRequest({ host: "127.0.0.1", port: receiver.port, method, path, headers, agent: false });
  const answered = new Promise<void>((resolve, reject) => {
    sent.on("error", reject).on("response", (response) => void text(response).then(() => resolve(), reject));
  });
  sent.end(body);
  await answered;
  return receiver.requests[0] as Received;
}

const paths = [
  "/",
  "/pets",
  "/pets/",
  "/pets/a%20b",
  "/pets/a:adopt",
  "/pets/%E4%B8%AD",
  "/100%25",
  "/a%2Fb",
  "/~x/_y-z.",
];
const JSON_TYPE = { "content-type": "application/json; charset=utf-8" };

describe("npm aws4", () => {
  for (const path of [...paths, "/pets?z=1&a=x%20y&empty=&b=a%2Bb", "/pets?q=a+b&list=1&list=2"]) {
    test(`signs ${path}`, async () => {
      const received = await deliver((host) => aws4.sign({ host, path, method: "GET", ...SCOPE }, KEY));
      assert.equal(holds(received, KEY.secretAccessKey), true);
      assert.notEqual(holds({ ...received, method: "PUT" }, KEY.secretAccessKey), true);
    });
  }

  test("signs a body", async () => {
    const body = '{"name":"Ada"}';
    const received = await deliver((host) =>
      aws4.sign({ host, path: "/pets", method: "POST", headers: JSON_TYPE, body, ...SCOPE }, KEY),
    );
    assert.equal(holds(received, KEY.secretAccessKey), true);
    assert.notEqual(holds({ ...received, body: Buffer.from('{"name":"Eve"}') }, KEY.secretAccessKey), true);
  });
});

for (const options of [{}, { applyChecksum: false }, { uriEscapePath: false }]) {
  describe(`the AWS SDK's signer with ${JSON.stringify(options)}`, () => {
    const signer = new SignatureV4({ credentials: KEY, sha256: Sha256, ...SCOPE, ...options });

    /** As the SDK's HTTP handler does: keys and values encoded, in the order given. */
    async function signAndSend(method: string, path: string, query: Record<string, string>, body?: string) {
      return deliver(async (host) => {
        const headers = { host, ...(body === undefined ? {} : JSON_TYPE) };
        const plain = { method, protocol: "http:", hostname: host, path, query, headers };
        const signed = await signer.sign(body === undefined ? plain : { ...plain, body });
        const search = Object.entries(query).map((pair) => pair.map(encodeURIComponent).join("="));
        const target = search.length === 0 ? path : `${path}?${search.join("&")}`;
        return { method, path: target, headers: signed.headers, ...(body === undefined ? {} : { body }) };
      });
    }

    // In S3 style a path is signed as it is sent, which a %25 would make ambiguous.
    for (const path of paths.filter((each) => options.uriEscapePath !== false || !each.includes("%25"))) {
      test(`signs ${path}`, async () => {
        const received = await signAndSend("GET", path, { z: "1", a: "x y", plus: "a+b", empty: "", "k ey": "*/é" });
        assert.equal(holds(received, KEY.secretAccessKey), true);
        assert.notEqual(holds({ ...received, target: `${received.target}x` }, KEY.secretAccessKey), true);
      });
    }

    test("signs a body", async () => {
      const received = await signAndSend("POST", "/pets", {}, '{"name":"Ada"}');
      assert.equal(holds(received, KEY.secretAccessKey), true);
      assert.notEqual(holds({ ...received, body: Buffer.from("{}") }, KEY.secretAccessKey), true);
    });
  });
}
