import { join } from "node:path";
import { choosePorts, type ManagedProcess } from "@millrace/local";
import { redisProcess, redisUrl } from "@millrace/local/engines";
import { type Owner, testEngines } from "./test-engines.ts";
import { startTestProcess } from "./test-process.ts";

export type TestRedis = {
  readonly url: string;
  /** To stop, start or kill the server within a test. */
  readonly server: ManagedProcess;
};

/** A Redis of the owner's own. */
export async function testRedis(owner: Owner): Promise<TestRedis> {
  const { port } = await choosePorts(["port"], {});
  const address = { port: port!, password: "test-password" };
  const server = await startTestProcess(owner, async (folder) =>
    redisProcess({
      name: "redis",
      program: testEngines().programs.redis,
      folder: join(folder, "redis"),
      ...address,
      user: undefined,
      logFile: join(folder, "redis.log"),
    }),
  );
  return { url: redisUrl(address), server };
}
