import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { folderWith, run, writePlatformFile } from "../command-line-fixture.ts";

const PROFILE = { controlPlaneAddress: "north.example.com:7100", credential: "token", token: "mrt_x" };

// What creates needs no platform that lives, since there is one of the name already.
for (const [argv, goesOn] of [
  [["runner", "create", "extra"], /there is a runner extra already/],
  [["runner", "delete", "extra"], /^deleted runner extra$/],
  [["gateway", "create", "extra"], /there is a gateway extra already/],
  [["gateway", "delete", "extra"], /^deleted gateway extra$/],
] as const) {
  const title = argv.slice(0, 2).join(" ");

  test(`${title} touches no platform but the one that the profile is of`, async (t) => {
    const { exitCode, said } = await runWithProfile(t, argv, "north.example.com:7101");
    assert.equal(exitCode, 1);
    assert.match(said, /signed in to the platform at north\.example\.com:7101; the one that runs here is at 127/);
  });

  test(`${title} goes on when the profile is of the platform that runs here`, async (t) => {
    assert.match((await runWithProfile(t, argv, "localhost:7101")).said, goesOn);
  });
}

async function runWithProfile(t: TestContext, argv: readonly string[], authAddress: string) {
  const home = folderWith(t, {
    ".config/millrace/profiles.json": JSON.stringify({ profiles: { north: { ...PROFILE, authAddress } } }),
    ".millrace/secrets/nats-function-runner-extra.seed": "seed",
    ".millrace/secrets/nats-gateway-extra.seed": "seed",
    ".millrace/secrets/redis.url": "redis://127.0.0.1:6379/0",
    ".millrace/secrets/gateway.pem": "key",
  });
  writePlatformFile(home, { auth: "127.0.0.1:7101" });
  const { exitCode, stdout, stderr } = await run(home, [...argv, "--use-profile", "north"]);
  return { exitCode, said: (stdout + stderr).trimEnd() };
}
