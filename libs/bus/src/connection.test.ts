import assert from "node:assert/strict";
import { test } from "node:test";
import { testNats } from "@millrace/testing";
import { connectBus, SUBJECTS } from "./mod.ts";

const silent = { info() {}, warn() {} };

test("where TLS is asked for, a server that offers none is left before anything is told to it", async (t) => {
  const identity = { service: "gateway", id: "g" } as const;
  const nats = await testNats(t, { identities: [identity] });
  const seed = nats.seedOf(identity);
  const port = new URL(nats.url).port;
  await assert.rejects(connectBus({ url: `tls://localhost:${port}`, seed, identity }, silent), (error: Error) =>
    /tls/i.test(String(error.cause)),
  );
  for (const host of ["127.0.0.1", "[::1]"]) {
    await assert.rejects(connectBus({ url: `tls://${host}:${port}`, seed, identity }, silent), /host name/);
  }
  const plain = await connectBus({ url: nats.url, seed, identity }, silent);
  await plain.close();
});

test("a runner hears the beats under its own name, and no others", async (t) => {
  const identity = { service: "function-runner", id: "r" } as const;
  const nats = await testNats(t, { identities: [identity] });
  const runner = await connectBus({ url: nats.url, seed: nats.seedOf(identity), identity }, silent);
  const anyone = await connectBus(
    { url: nats.url, seed: nats.seed, identity: { service: "gateway", id: "g" } },
    silent,
  );
  const heard: string[] = [];
  const own = runner.subscribe(SUBJECTS.beat("r"), { callback: (_, { subject }) => void heard.push(subject) });
  const refused = new Promise((resolve) => runner.subscribe(SUBJECTS.beat("other"), { callback: resolve }));
  await runner.flush();
  anyone.publish(SUBJECTS.beat("other"));
  anyone.publish(SUBJECTS.beat("r"));
  await anyone.flush();
  assert.match(String(await refused), /permissions/i);
  await runner.flush();
  assert.deepEqual(heard, ["mr.beat.r"]);
  own.unsubscribe();
  for (const connection of [runner, anyone]) await connection.close();
});
