/** Gateways, NATS and the control side restarted or killed: callers get documented answers in time, and everything finds its way back. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { type Call, operationsUrl, provision, send, testPlatform } from "@millrace/e2e-tests";
import { DeploymentServiceService } from "@millrace/proto/control/v1/deployments";
import { until } from "@millrace/testing";
import { startLoad, summary } from "./load.ts";

const TIMEOUT_MS = 2_000;
/** The gateway adds two seconds for queueing and starting cold; half a second more is ours to measure. */
const ANSWER_MS_MAX = TIMEOUT_MS + 2_500;
/** Of each gateway: both together leave slots free, so that whatever fails fails for another reason. */
const CALLERS = 6;
const CALLS = 200;
const BALANCER_INTERVAL_MS = 20;

const platform = await testPlatform({ gateways: 2 });
const { rpc } = platform;
const WORK = `export default {
  async fetch() {
    await new Promise((resolve) => setTimeout(resolve, 20));
    return new Response("done");
  },
};`;
const shop = await provision(rpc, {
  functions: { work: { code: WORK, config: { timeoutMs: TIMEOUT_MS } } },
  apis: { read: { method: "GET", path: "/work", backend: "work" } },
});
const { name, pathUrl } = shop.deployment();
const urls = platform.gatewayUrls.map((gatewayUrl) => `${pathUrl.replace(platform.gatewayUrl, gatewayUrl)}/work`);
for (const url of urls) await untilServed(url);

function untilServed(url: string): Promise<unknown> {
  return until(async () => (await send({ url })).status === 200, { timeoutMs: 20_000, message: `${url} to answer` });
}

const loadOn = (url: string) => startLoad(Array.from({ length: CALLERS }, () => (): Call => ({ url })));

/** Asks readiness as a balancer does, and holds calls back while the gateway is not ready. */
class Balancer {
  readonly #readyUrl: string;
  readonly #watching: Promise<void>;
  #ready = true;
  #stopped = false;

  constructor(gateway: string) {
    this.#readyUrl = `${operationsUrl(platform, gateway)}/readyz`;
    this.#watching = this.#watch();
  }

  async admit(call: Call): Promise<Call> {
    await until(() => this.#ready, { timeoutMs: 20_000 });
    return call;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#watching;
  }

  async #watch(): Promise<void> {
    while (!this.#stopped) {
      this.#ready = await fetch(this.#readyUrl).then(
        ({ ok }) => ok,
        () => false,
      );
      await pause(BALANCER_INTERVAL_MS);
    }
  }
}

test("a gateway that is restarted behind a balancer drops no request, neither when it goes nor when it comes", async (t) => {
  const balancer = new Balancer("gateway-2");
  const first = loadOn(urls[0]!);
  const second = startLoad(Array.from({ length: CALLERS }, () => () => balancer.admit({ url: urls[1]! })));
  await until(() => first.outcomes.length >= CALLS && second.outcomes.length >= CALLS, { timeoutMs: 20_000 });
  await platform.service("gateway-2").restart();
  const before = second.outcomes.length;
  await until(() => second.outcomes.length >= before + CALLS, { timeoutMs: 20_000 });
  const [kept, restarted] = await Promise.all([first.stop(), second.stop()]);
  await balancer.stop();
  t.diagnostic(`gateway-1 ${summary(kept)}; gateway-2 ${summary(restarted)}`);
  for (const outcomes of [kept, restarted])
    assert.ok(
      outcomes.every(({ status }) => status === 200),
      summary(outcomes),
    );
});

test("a gateway that is killed comes back with everything that is released", async () => {
  await platform.service("gateway-2").kill();
  await untilServed(urls[1]!);
  assert.equal((await send({ url: urls[0]! })).status, 200);
});

test("a restart of NATS under load is survived: documented answers in time, then successes, then changes", async (t) => {
  const load = loadOn(urls[0]!);
  await until(() => load.outcomes.length >= CALLS, { timeoutMs: 20_000 });
  await platform.engines.nats.process!.restart();
  await untilServed(urls[0]!);
  await untilServed(urls[1]!);
  const back = load.outcomes.length;
  await until(() => load.outcomes.length >= back + CALLS, { timeoutMs: 20_000 });
  const outcomes = await load.stop();
  t.diagnostic(summary(outcomes));
  const late = outcomes.filter(({ tookMs }) => tookMs > ANSWER_MS_MAX);
  assert.deepEqual(late, []);
  for (const { status, reason } of outcomes) assert.ok([200, 502, 503, 504].includes(status), `${status} ${reason}`);
  await rpc.call(DeploymentServiceService.takeOffline, { name });
  for (const url of urls) await until(async () => (await send({ url })).status === 403, { timeoutMs: 20_000 });
  await rpc.call(DeploymentServiceService.bringOnline, { name });
  for (const url of urls) await untilServed(url);
});

test("control-plane and auth come back after a kill, are said to, and take changes again", async () => {
  for (const service of ["control-plane-1", "auth-1"]) {
    await platform.service(service).kill();
    await until(() => platform.said.some((line) => line.startsWith(`${service} is back`)), { timeoutMs: 20_000 });
  }
  const found = await until(() => rpc.call(DeploymentServiceService.getDeployment, { name }), { timeoutMs: 20_000 });
  assert.equal(found.name, name);
  await rpc.call(DeploymentServiceService.takeOffline, { name });
  for (const url of urls) await until(async () => (await send({ url })).status === 403, { timeoutMs: 20_000 });
});
