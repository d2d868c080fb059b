/** Callers of one project that call and leave, again and again, while its functions do not listen to their signal. */
import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { type Call, provision, send, splitUrl, testPlatform } from "@millrace/e2e-tests";
import { until } from "@millrace/testing";
import { startLoad, summary } from "./load.ts";

const SLOTS = 16;
const DEAF_TIMEOUT_MS = 8_000;
const LEAVERS = 64;
const STAY_MS = 50;
const NEIGHBOURS = 4;
const CALLS = 100;
/** A gateway waits a second for a slot; the rest is ours to measure. */
const ANSWER_MS_MAX = 2_000;
/** So many calls of a project may run on when nobody waits for them. */
const ABANDONED_MAX = SLOTS / 4;
/** On a runner with free slots nobody waits, not even for its next beat. */
const IDLE_ANSWER_MS_MAX = 300;
/** A runner says what has changed within 100 ms, and then nothing for a second. */
const QUIET_MS = 300;
const ROUNDS = 4;

const platform = await testPlatform({ runnerSlots: SLOTS });
const DEAF = `export default { fetch: () => new Promise((resolve) => setTimeout(resolve, ${DEAF_TIMEOUT_MS * 2})) };`;
const QUICK = `export default { fetch: () => new Response("done") };`;
const config = { timeoutMs: DEAF_TIMEOUT_MS };
const deploy = (code: string) =>
  provision(platform.rpc, {
    functions: { work: { code, config } },
    apis: { read: { method: "GET", path: "/work", backend: "work" } },
  });
const [stormy, calm] = await Promise.all([deploy(DEAF), deploy(QUICK)]);
const capped = await deploy(DEAF);
const stormUrl = `${stormy.deployment().pathUrl}/work`;
const cappedUrl = `${capped.deployment().pathUrl}/work`;
const calmUrl = `${calm.deployment().pathUrl}/work`;
await until(async () => (await send({ url: calmUrl })).status === 200, { timeoutMs: 10_000 });

/** Calls and leaves at once. */
async function leave(url: string): Promise<void> {
  const { hostname, port, target } = splitUrl(url);
  const socket = connect({ host: hostname, port }).on("error", () => {});
  socket.write(`GET ${target} HTTP/1.1\r\nhost: ${hostname}:${port}\r\n\r\n`);
  await pause(STAY_MS);
  socket.destroy();
}

/** What callers of the calm project see while others call and leave, again and again. */
async function stormBeside(url: string) {
  let over = false;
  const leaveOften = async () => {
    while (!over) await leave(url);
  };
  const storm = Promise.all(Array.from({ length: LEAVERS }, leaveOften));
  await pause(STAY_MS * 4);
  const load = startLoad(Array.from({ length: NEIGHBOURS }, () => (): Call => ({ url: calmUrl })));
  await until(() => load.outcomes.length >= CALLS, { timeoutMs: DEAF_TIMEOUT_MS }).catch(() => {});
  const outcomes = await load.stop();
  over = true;
  await storm;
  const slowest = Math.max(...outcomes.map(({ tookMs }) => tookMs));
  assert.ok(outcomes.length >= CALLS && outcomes.every(({ status }) => status === 200), summary(outcomes));
  return { slowest, said: `${summary(outcomes)}; the slowest took ${Math.round(slowest)} ms` };
}

test("a project with as many given up calls as it may have gets no slot, and its neighbours do not notice", async (t) => {
  for (let n = 0; n < ABANDONED_MAX; n++) await leave(cappedUrl);
  const answers: string[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    // The last beat is out, and the next one is far.
    await pause(QUIET_MS);
    await leave(cappedUrl);
    const began = performance.now();
    const { status } = await send({ url: calmUrl });
    const tookMs = performance.now() - began;
    answers.push(status === 200 && tookMs < IDLE_ANSWER_MS_MAX ? "soon" : `${status} after ${Math.round(tookMs)} ms`);
  }
  t.diagnostic(answers.join(", "));
  assert.deepEqual(answers, Array(ROUNDS).fill("soon"));
});

test("a storm of calls that are given up leaves other projects their slots", async (t) => {
  const { slowest, said } = await stormBeside(stormUrl);
  t.diagnostic(said);
  assert.ok(slowest < ANSWER_MS_MAX, said);
});
