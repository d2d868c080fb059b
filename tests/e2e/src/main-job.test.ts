/**
 * The five steps of the main job through every door: create a function, put an API in front of it, release it, authorise a caller,
 * call it.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { bridge } from "./support/bridge.ts";
import { Cli } from "./support/cli.ts";
import { untilAnswer } from "./support/expect-answer.ts";
import { type Answer, problemOf, send } from "./support/http.ts";
import { type MainJob, overBridge, overGrpc } from "./support/main-job.ts";
import { overCli } from "./support/over-cli.ts";
import { ALGORITHMS, sendSigned } from "./support/signed-call.ts";
import { testPlatform } from "./support/test-platform.ts";

const platform = await testPlatform();

const home = mkdtempSync(join(tmpdir(), "millrace-home-"));
after(() => rmSync(home, { recursive: true }));
const cli = new Cli({ home });
const { controlPlaneAddress, authAddress, operator } = platform;
const addresses = ["--control-plane", controlPlaneAddress, "--auth", authAddress];
await cli.json(["login", "--email", operator.email, "--password-file", "-", ...addresses], {
  stdin: operator.password,
});

const doors: Record<string, MainJob> = {
  gRPC: overGrpc(platform.rpc),
  "the command line": overCli(cli, home),
  "the JSON bridge": overBridge(bridge(platform.consoleUrl, platform.adminToken)),
};

for (const [door, job] of Object.entries(doors)) {
  describe(`over ${door}`, () => {
    test("an API without authentication answers anybody from a worker thread, by path and by host", async () => {
      const { pathUrl, host } = await job.publish("none");
      const answer = await untilAnswer(() => send({ url: `${pathUrl}/pets/7` }));
      assertPet(answer, "7");
      const byHost = await send({ url: `${platform.gatewayUrl}/pets/8`, headers: { host } });
      assertPet(byHost, "8");
    });

    test("an authorised API refuses every caller, and answers it after the authorisation", async () => {
      const published = await job.publish("authorized");
      const { accessKey, subscriptionKey } = await job.createKeys();
      const url = `${published.pathUrl}/pets/7`;
      const callers: Record<string, () => Promise<Answer>> = {
        "x-api-key": () => send({ url, headers: { "x-api-key": subscriptionKey.value } }),
        "jdcloud-apim-subscription-key": () =>
          send({ url, headers: { "jdcloud-apim-subscription-key": subscriptionKey.value } }),
      };
      for (const algorithm of ALGORITHMS) {
        callers[algorithm] = () =>
          sendSigned({ algorithm, key: accessKey, deployment: published, path: "/pets/7", method: "GET" });
      }
      const nobody = await untilAnswer(() => send({ url }), 401);
      assert.equal(problemOf(nobody).reason, "credential_missing");
      for (const [caller, call] of Object.entries(callers)) {
        const refused = await untilAnswer(call, 403);
        assert.equal(problemOf(refused).reason, "not_authorized", caller);
      }

      await job.authorize(published.deployment, accessKey.keyId);
      await job.authorize(published.deployment, subscriptionKey.keyId);
      for (const [caller, call] of Object.entries(callers)) {
        const answer = await untilAnswer(call);
        assert.equal(answer.status, 200, caller);
        assertPet(answer, "7");
      }
    });
  });
}

function assertPet(answer: Answer, petId: string): void {
  const body = JSON.parse(answer.text) as Record<string, unknown>;
  assert.deepEqual(
    { petId: body.petId, stage: body.stage, inWorker: body.inWorker },
    { petId, stage: "online", inWorker: true },
  );
  assert.equal(body.requestId, answer.headers["x-millrace-request-id"]);
}
