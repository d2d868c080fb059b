import assert from "node:assert/strict";
import { after, test } from "node:test";
import { SUBJECTS } from "@millrace/bus";
import { InvocationUsage, RequestUsage, UsageBatch } from "@millrace/proto/invocation/v1/usage";
import { until } from "@millrace/testing";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { BusLink } from "../bus/bus-link.ts";
import { StreamConsumer } from "../events/stream-bus.ts";
import { LIMITS } from "../limits.ts";
import { startControlPlane } from "../testing/test-control-plane.ts";
import { UsageReader } from "./usage-bus.ts";
import { type UsageTarget, usageOf } from "./usage-store.ts";

const { bus, database, nats, app } = await startControlPlane({ after });
const { sql } = database;
const minuteS = Math.floor(Date.now() / 60_000) * 60;
const window = { from: new Date((minuteS - 7_200) * 1_000), to: new Date((minuteS + 7_200) * 1_000) };

type Told = Partial<Omit<UsageBatch, "requests" | "invocations">> & {
  requests?: Partial<RequestUsage>[];
  invocations?: Partial<InvocationUsage>[];
};

async function tell(subject: string, { requests = [], invocations = [], ...batch }: Told): Promise<void> {
  const whole: UsageBatch = {
    epoch: 1,
    number: 1,
    minuteS,
    ...batch,
    requests: requests.map((one) => RequestUsage.fromPartial({ api: "pets", ...one })),
    invocations: invocations.map((one) => InvocationUsage.fromPartial({ version: 1, ...one })),
  };
  await jetstream(bus).publish(subject, UsageBatch.encode(whole).finish());
}

const gateway = SUBJECTS.usage("gateway", "gateway-1");
const requestsOf = (...hostLabels: string[]): UsageTarget => ({ kind: "requests", hostLabels });
const countOf = async (target: UsageTarget) => (await usageOf(sql, target, window)).count;
const untilCounted = (target: UsageTarget, count: number) =>
  until(async () => (await countOf(target)) === count, { timeoutMs: 15_000 });

test("what gateways and runners told is stored, each under the name that the bus vouches for", async () => {
  await tell(gateway, { requests: [{ hostLabel: "told", count: 3, status2xx: 3, durations: [1, 2] }] });
  await tell(SUBJECTS.usage("gateway", "gateway-2"), { requests: [{ hostLabel: "told", count: 4 }] });
  await tell(SUBJECTS.usage("runner", "runner-1"), {
    invocations: [{ functionUid: "fn-told", count: 5, memoryKibMax: 7 }],
  });
  await untilCounted(requestsOf("told"), 7);
  await untilCounted({ kind: "invocations", functionUids: ["fn-told"] }, 5);
  const { durations } = await usageOf(sql, { kind: "requests", hostLabels: ["told"] }, window);
  assert.deepEqual(durations.slice(0, 3), [1, 2, 0]);
});

test("a minute that is told again and again is counted as its last word has it, also when messages come twice", async () => {
  for (const number of [1, 2, 3]) await tell(gateway, { number, requests: [{ hostLabel: "again", count: number }] });
  await untilCounted(requestsOf("again"), 3);
  await (await jetstreamManager(bus)).consumers.delete("usage", "control-plane");
  await tell(gateway, { epoch: 2, number: 1, requests: [{ hostLabel: "again", count: 10 }] });
  await untilCounted(requestsOf("again"), 13);
});

test("a teller speaks of its own kind only, and what cannot be read, or is of another time, is passed over", async () => {
  await tell(gateway, { invocations: [{ functionUid: "fn-forged", count: 1 }] });
  await tell(SUBJECTS.usage("runner", "runner-1"), { requests: [{ hostLabel: "forged", count: 1 }] });
  await jetstream(bus).publish(gateway, Buffer.from([0xff, 0xff]));
  const lateS = LIMITS.usageLateMsMax / 1_000;
  for (const wrong of [minuteS - lateS - 120, minuteS + 180, minuteS + 1]) {
    await tell(gateway, { minuteS: wrong, requests: [{ hostLabel: "forged", count: 1 }] });
  }
  const names = { hostLabel: "odd\0name".padEnd(300, "x"), count: -5, bytesIn: 2 };
  await tell(gateway, { minuteS: minuteS - lateS + 60, requests: [names, { hostLabel: "marker", count: 1 }] });
  await untilCounted(requestsOf("marker"), 1);
  assert.equal(await countOf(requestsOf("forged")), 0);
  assert.equal(await countOf({ kind: "invocations", functionUids: ["fn-forged"] }), 0);
  const odd = "odd\u2400name".padEnd(LIMITS.usageNameCharsMax, "x");
  const { count, bytesIn } = (await usageOf(sql, requestsOf(odd), window)) as RequestUsage;
  assert.deepEqual([count, bytesIn], [0, 2]);
});

test("what was told while the control side was down is taken when it is up again, and no minute is missing", async () => {
  await app.link.close();
  for (let n = 0; n < 30; n++) {
    await tell(gateway, { minuteS: minuteS - n * 60, number: n + 1, requests: [{ hostLabel: "away", count: n }] });
  }
  assert.equal(await countOf(requestsOf("away")), 0);
  const identity = { service: "control-plane", id: "control-plane-1" } as const;
  const log = { info() {}, warn() {} };
  const consumer = new StreamConsumer(new UsageReader({ sql, log }), log);
  const again = new BusLink({ url: nats.url, seed: nats.seedOf(identity), identity }, log, [consumer]);
  again.start();
  await untilCounted(requestsOf("away"), (29 * 30) / 2).finally(() => again.close());
});
