/** The main job through the command line. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Cli } from "./cli.ts";
import { type MainJob, PET_FUNCTION } from "./main-job.ts";
import { freshId } from "./provision.ts";

type KeyJson = { readonly accessKey: { readonly keyId: string }; readonly secret: string };
type BearerJson = { readonly subscriptionKey: { readonly keyId: string }; readonly value: string };
type StatusJson = { readonly deployments: readonly { readonly name: string; host: string; pathUrl: string }[] };

export function overCli(cli: Cli, home: string): MainJob {
  const code = join(home, "pets.mjs");
  writeFileSync(code, PET_FUNCTION);
  async function createProject(): Promise<string> {
    const id = freshId("p");
    await cli.json(["project", "create", id]);
    return id;
  }
  return {
    async publish(access) {
      const id = await createProject();
      const inProject = ["--project", id];
      await cli.json(["function", "create", "pets", "--timeout-ms", "5000", ...inProject]);
      await cli.json(["function", "upload", "pets", code, ...inProject]);
      await cli.json(["group", "create", "shop", "--access", access, ...inProject]);
      const api = ["--group", "shop", "--method", "GET", "--path", "/pets/{petId}", "--function", "pets"];
      await cli.json(["api", "create", "getPet", ...api, ...inProject]);
      await cli.json(["release", "create", "--group", "shop", "--env", "online", ...inProject]);
      const status = await cli.json<StatusJson>(["release", "status", "--group", "shop", ...inProject]);
      const { name, host, pathUrl } = status.deployments.find((each) => each.name.endsWith("/online"))!;
      return { deployment: name, host, pathUrl };
    },
    async createKeys() {
      const inProject = ["--project", await createProject()];
      const access = await cli.json<KeyJson>(["key", "create", "signs", ...inProject]);
      const bearer = await cli.json<BearerJson>(["key", "create", "sends", "--kind", "subscription", ...inProject]);
      return {
        accessKey: { keyId: access.accessKey.keyId, secret: access.secret },
        subscriptionKey: { keyId: bearer.subscriptionKey.keyId, value: bearer.value },
      };
    },
    async authorize(deployment, keyId) {
      const [, project, , group, , environment] = deployment.split("/");
      await cli.json(["authorize", keyId, "--group", group!, "--env", environment!, "--project", project!]);
    },
  };
}
