import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Agent, get } from "node:http";
import { type TestContext, test } from "node:test";
import { ensureBus } from "@millrace/bus";
import { freePort, until } from "@millrace/testing";
import { exitCodeOf, gatewaySurroundings, startGatewayProcess } from "../testing/gateway-process.ts";

// Two gateways on one port, one of which goes while it is called.

const CALLERS = 16;
const CALLS_AROUND = 300;
const READY_TIMEOUT_MS = 10_000;
const MIGRATES = "/proc/sys/net/ipv4/tcp_migrate_req";

const linux =
  process.platform === "linux" ? {} : { skip: "only Linux spreads connections over those who share a port" };

async function startPair(t: TestContext) {
  const port = await freePort();
  const { gateways, admin } = await gatewaySurroundings(t, ["gateway-1", "gateway-2"]);
  await ensureBus(admin);
  const started = gateways.map(({ environment, operations, http }) => {
    const shared = { ...environment, MILLRACE_HTTP_SHARED_ADDRESS: `127.0.0.1:${port}`, MILLRACE_DRAIN_LAG: "300ms" };
    return { ...startGatewayProcess(t, shared), operations, http };
  });
  for (const { operations, said } of started) {
    const ready = async () => (await fetch(`http://127.0.0.1:${operations}/readyz`)).ok;
    await until(ready, { timeoutMs: READY_TIMEOUT_MS, message: () => said.text });
  }
  return { port, first: started[0]!, second: started[1]! };
}

/** Who answered is told by the log; here it only counts that somebody did. */
function callOnce(port: number, agent: Agent | false): Promise<string> {
  return new Promise((resolve) => {
    get({ host: "127.0.0.1", port, path: "/", agent }, (response) => {
      response.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
      response.on("end", () => resolve(String(response.statusCode))).resume();
    }).on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
}

function startCallers(port: number, agentOf: () => Agent | false) {
  const seen: string[] = [];
  let stopping = false;
  const callers = Array.from({ length: CALLERS }, async () => {
    const agent = agentOf();
    while (!stopping) seen.push(await callOnce(port, agent));
    if (agent) agent.destroy();
  });
  const stop = async () => {
    stopping = true;
    await Promise.all(callers);
    return [...new Set(seen)];
  };
  return { seen, stop };
}

const requestsOf = (said: { text: string }): number => said.text.split('"msg":"request"').length - 1;

async function stopOneUnderLoad(t: TestContext, agentOf: () => Agent | false): Promise<string[]> {
  const { port, first, second } = await startPair(t);
  const { seen, stop } = startCallers(port, agentOf);
  await until(() => requestsOf(first.said) > CALLS_AROUND && requestsOf(second.said) > CALLS_AROUND, {
    timeoutMs: READY_TIMEOUT_MS,
    message: "calls to reach both gateways",
  });
  second.child.kill("SIGTERM");
  assert.equal(await exitCodeOf(second.child), 0, second.said.text);
  const after = seen.length + CALLS_AROUND;
  await until(() => seen.length > after, { timeoutMs: READY_TIMEOUT_MS });
  return stop();
}

test(
  "two gateways share a port, and one that stops loses no call of those who keep their connections",
  linux,
  async (t) => {
    assert.deepEqual(await stopOneUnderLoad(t, () => new Agent({ keepAlive: true, maxSockets: 1 })), ["404"]);
  },
);

test("where the kernel hands on what waits, no new connection is lost either", linux, async (t) => {
  if (readFileSync(MIGRATES, "utf8").trim() !== "1") return t.skip(`${MIGRATES} is off`);
  assert.deepEqual(await stopOneUnderLoad(t, () => false), ["404"]);
});

test(
  "each gateway on a shared port can be reached on a port of its own, also while it leaves the other",
  linux,
  async (t) => {
    const { port, first, second } = await startPair(t);
    for (const { http, said } of [first, second]) {
      const before = requestsOf(said);
      assert.equal(await callOnce(http, false), "404");
      await until(() => requestsOf(said) === before + 1);
    }
    second.child.kill("SIGTERM");
    assert.equal(await callOnce(second.http, false), "404");
    assert.equal(await exitCodeOf(second.child), 0, second.said.text);
    assert.equal(await callOnce(port, false), "404");
  },
);
