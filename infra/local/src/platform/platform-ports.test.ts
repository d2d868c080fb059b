import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { choosePorts } from "../processes/ports.ts";
import { portsFor } from "./platform-ports.ts";
import { serviceInstances } from "./service-table.ts";

function folder(t: TestContext): string {
  const made = mkdtempSync(join(tmpdir(), "millrace-ports-"));
  t.after(() => rmSync(made, { recursive: true }));
  return made;
}

const withGateways = (gateways: number) => serviceInstances({ gateways, runners: 1 });

test("one gateway's own port is the public one", async (t) => {
  const ports = await portsFor(folder(t), withGateways(1));
  assert.equal(ports["gateway-1.http"], ports["gateway.http"]);
});

test("several gateways share the public port where the system can, and have one each beside it", async (t) => {
  const ports = await portsFor(folder(t), withGateways(2));
  const [shared, first, second] = ["gateway.http", "gateway-1.http", "gateway-2.http"].map((name) => ports[name]);
  assert.notEqual(first, second);
  assert.equal(shared === first, process.platform !== "linux");
});

test("with TLS there is a public port for it too, shared in the same way", async (t) => {
  const alone = await portsFor(folder(t), withGateways(1), {}, true);
  assert.equal(alone["gateway-1.https"], alone["gateway.https"]);
  assert.notEqual(alone["gateway.https"], alone["gateway.http"]);
  const two = await portsFor(folder(t), withGateways(2), {}, true);
  assert.equal(two["gateway-1.https"] === two["gateway.https"], process.platform !== "linux");
});

test("the public port stays the same, however many gateways there are", async (t) => {
  const state = folder(t);
  const { usual } = await choosePorts(["usual"], {});
  const seen = [];
  for (const gateways of [1, 2, 1])
    seen.push((await portsFor(state, withGateways(gateways), { "gateway.http": usual! }))["gateway.http"]);
  assert.deepEqual(seen, [usual, usual, usual]);
});
