import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { folderWith, run } from "./command-line-fixture.ts";

const DOCUMENT = new URL("../../../docs/reference/jd-operations.md", import.meta.url);
const PROTO = new URL("../../../proto/gen/millrace/", import.meta.url);

/** What JD Cloud's two management APIs have. */
const APIGATEWAY =
  `describeApiGroups createApiGroup checkGroupNameExist describeApiGroup modifyApiGroupAttribute deleteApiGroup
describeIsDeployApiGroups describeRevisions createRevision getRevisionIds checkRevisionExist queryRevision modifyRevision deleteRevision
queryApis createApis checkApiNameExist queryApi updateApi deleteApi updateApiByName deleteApiByName createBackendConfig
describeBackendConfigs describeBackendConfig updateBackendConfig deleteBackendConfig describeDeployments deploy describeDeployment offline
batchOffline queryKeys createKey resetKey updateKey queryKeyInfo querySubscriptionKeys createSubscriptionKey querySubscriptionKey
updateSubscriptionKey deleteSubscriptionKey queryAccessKeys createAccessKey checkKeyExist queryAccessKey updateAccessKey deleteAccessKey
queryBindGroupKey bindGroupKey queryKeyGroupList queryUcAccessKeys checkPin queryAccessAuths createAccessAuth checkAuthExist
queryAccessAuth updateAccessAuth deleteAccessAuth queryBindGroupAuth bindGroupAuth queryAuthGroupList authorizedApiGroupList
queryRateLimitPolicies createRateLimitPolicy checkPolicyName queryRateLimitPolicy updateRateLimitPolicy deleteRateLimitPolicy
queryBindGroupPolicy bindGroupPolicy queryPolicyGroupList queryUserDomains createUserDomain deleteUserDomain`.split(
    /\s+/,
  );
const FUNCTION =
  `listFunction createFunction getFunction updateFunction deleteFunction listVersion createVersion getVersion
deleteVersion invoke asyncInvoke listAlias createAlias getAlias updateAlias deleteAlias getTrigger`.split(/\s+/);

const text = readFileSync(DOCUMENT, "utf8");
const rows = [...text.matchAll(/^\| (\w+) \| ([\w.]+) \| ([\w -]+) \| (.*?) ?\|$/gm)].map(
  ([, operation, rpc, command, why]) => ({ operation: operation!, rpc: rpc!, command: command!, why: why! }),
);

/** `Service.Method` of everything that the protos define. */
async function methods(): Promise<Set<string>> {
  const found = new Set<string>();
  for (const side of ["control", "auth"]) {
    for (const file of readdirSync(new URL(`${side}/v1`, PROTO))) {
      const module = (await import(`@millrace/proto/${side}/v1/${file.replace(/\.ts$/, "")}`)) as Record<
        string,
        object
      >;
      for (const [name, service] of Object.entries(module)) {
        if (!name.endsWith("ServiceService")) continue;
        for (const { path } of Object.values(service as Record<string, { path: string }>)) {
          found.add(path.split(".").at(-1)!.replace("/", "."));
        }
      }
    }
  }
  return found;
}

test("every operation has one row, and there are 75 and 17 of them", () => {
  assert.deepEqual([APIGATEWAY.length, FUNCTION.length], [75, 17]);
  assert.deepEqual(rows.map(({ operation }) => operation).toSorted(), [...APIGATEWAY, ...FUNCTION].toSorted());
});

test("every RPC that is named exists, and a row without one says why", async () => {
  const known = await methods();
  const named = [...text.matchAll(/\b\w+Service\.[A-Z]\w+/g)].map(([name]) => name);
  assert.deepEqual(
    [...new Set(named)].filter((name) => !known.has(name)),
    [],
  );
  assert.deepEqual(
    rows.filter(({ rpc, why }) => rpc === "none" && why === "").map(({ operation }) => operation),
    [],
  );
});

test("every command that is named exists", async (t) => {
  const home = folderWith(t, {});
  const inText = [
    ...text.matchAll(/`((?:api|domain|function|group|key|project|release) [a-z][a-z -]*?)(?: --[a-z]+)?`/g),
  ];
  const commands = new Set([...rows.map(({ command }) => command), ...inText.map(([, command]) => command!)]);
  commands.delete("none");
  for (const command of commands) {
    const { exitCode, stdout } = await run(home, [...command.split(" "), "--help"]);
    assert.equal(exitCode, 0, command);
    const usage = new RegExp(`^Usage: millrace ${command}(?! \\[command\\])`);
    assert.match(stdout, usage, command);
  }
});
