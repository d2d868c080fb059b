import assert from "node:assert/strict";
import { test } from "node:test";
import { bundleText } from "./bundle.ts";
import { type GatewayBundle, parseGatewayBundle } from "./gateway-bundle.ts";
import { parseBundle, type RunnerBundle } from "./runner-bundle.ts";

const BUNDLE: RunnerBundle = {
  version: 1,
  runnerId: "north",
  natsUrl: "tls://nats.example.com:4222",
  natsSeed: "SUCANARY",
  privateKey: "-----BEGIN PRIVATE KEY-----",
};

test("a bundle is read as it was written", () => {
  assert.deepEqual(parseBundle(bundleText(BUNDLE)), BUNDLE);
});

test("what is no bundle is refused by what is wrong with it, and shown to nobody", () => {
  const { natsSeed: _, ...seedless } = BUNDLE;
  for (const [text, said] of [
    ["", /no runner's bundle/],
    ["SUCANARY", /no runner's bundle/],
    ["null", /another version/],
    [JSON.stringify({ ...BUNDLE, version: 2 }), /another version/],
    [JSON.stringify(seedless), /without natsSeed/],
    [JSON.stringify({ ...BUNDLE, natsUrl: 7 }), /without natsUrl/],
  ] as const) {
    assert.throws(
      () => parseBundle(text),
      (error: Error) => said.test(error.message) && !error.message.includes("CANARY"),
    );
  }
});

test("a name that is no part of a subject, or that is one of the platform's own runners', is refused", () => {
  for (const runnerId of ["a.b", "*", ">", "", "../x", "runner-1", "runner-12", "A", "-a", "a".repeat(64)]) {
    assert.throws(() => parseBundle(bundleText({ ...BUNDLE, runnerId })), Error, runnerId);
  }
  for (const runnerId of ["a", "runner-x", "a".repeat(63)]) parseBundle(bundleText({ ...BUNDLE, runnerId }));
});

test("a gateway's bundle is no runner's, nor the other way round", () => {
  const gateway: GatewayBundle = {
    version: 1,
    gatewayId: "north",
    natsUrl: "tls://nats.example.com:4222",
    natsSeed: "SUCANARY",
    redisUrl: "redis://:canary@redis.example.com:6379/0",
    authAddress: "auth.example.com:7101",
    serviceKey: "-----BEGIN PRIVATE KEY-----",
    region: "local-1",
    baseDomain: "localhost",
  };
  assert.deepEqual(parseGatewayBundle(bundleText(gateway)), gateway);
  assert.throws(() => parseBundle(bundleText(gateway)), /without runnerId, privateKey/);
  assert.throws(() => parseGatewayBundle(bundleText(BUNDLE)), /without gatewayId/);
  assert.throws(() => parseGatewayBundle(bundleText({ ...gateway, gatewayId: "gateway-1" })), /platform's own/);
});
