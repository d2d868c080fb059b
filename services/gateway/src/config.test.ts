import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { readConfig } from "./config.ts";

const folder = mkdtempSync(join(tmpdir(), "gateway-config-"));
after(() => rmSync(folder, { recursive: true }));
function file(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

const MINIMUM = {
  MILLRACE_OPERATIONS_ADDRESS: "127.0.0.1:0",
  MILLRACE_HTTP_ADDRESS: "127.0.0.1:0",
  MILLRACE_GATEWAY_ID: "gateway-1",
  MILLRACE_REGION: "local-1",
  MILLRACE_BASE_DOMAIN: "localhost",
  MILLRACE_NATS_URL: "nats://127.0.0.1:4222",
  MILLRACE_REDIS_URL_FILE: file("redis", "redis://127.0.0.1"),
  MILLRACE_AUTH_ADDRESS: "127.0.0.1:1",
  MILLRACE_SERVICE_KEY_FILE: file("service.pem", "key"),
};
const privateKey = generateKeyPairSync("x25519").privateKey.export({ type: "pkcs8", format: "pem" }).toString();
const KEY = { MILLRACE_GATEWAY_PRIVATE_KEY_FILE: file("gateway.pem", privateKey) };
const ADDRESS = { MILLRACE_HTTPS_ADDRESS: "127.0.0.1:8443" };

test("without an address there is no TLS, whatever else is given", () => {
  assert.equal(readConfig({ ...MINIMUM, ...KEY }).https, undefined);
});

test("TLS needs the gateways' key, and may have a certificate of the platform's own", () => {
  const { https } = readConfig({ ...MINIMUM, ...KEY, ...ADDRESS });
  assert.deepEqual([https?.port, https?.platformCertificate], [8_443, undefined]);
  assert.throws(
    () => readConfig({ ...MINIMUM, ...ADDRESS }),
    /MILLRACE_HTTPS_ADDRESS needs MILLRACE_GATEWAY_PRIVATE_KEY_FILE/,
  );
  const files = { MILLRACE_HTTPS_CERTIFICATE_FILE: "/a.crt", MILLRACE_HTTPS_KEY_FILE: "/a.key" };
  const whole = readConfig({ ...MINIMUM, ...KEY, ...ADDRESS, ...files });
  assert.deepEqual(whole.https?.platformCertificate, { certificate: "/a.crt", key: "/a.key" });
});

test("a certificate without its key is refused, and so is a file that holds no key, which is not shown", () => {
  const half = { ...MINIMUM, ...KEY, ...ADDRESS, MILLRACE_HTTPS_KEY_FILE: "/a.key" };
  assert.throws(() => readConfig(half), /set both or none/);
  const canary = { MILLRACE_GATEWAY_PRIVATE_KEY_FILE: file("canary", "canary-5511") };
  assert.throws(
    () => readConfig({ ...MINIMUM, ...ADDRESS, ...canary }),
    (error: Error) => /holds no private key/.test(error.message) && !/canary-5511/.test(`${error.stack}${error.cause}`),
  );
});
