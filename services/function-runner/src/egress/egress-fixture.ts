import { once } from "node:events";
import type { AddressInfo, Server } from "node:net";
import { test } from "node:test";
import { dial, readAddress } from "@millrace/outbound";
import { build } from "esbuild";
import { type RunnerOptions, startTestRunner } from "../runner-fixture.ts";

/** A public address; whoever connects to it in a test comes to this machine. */
export const PUBLIC = readAddress("93.184.216.34")!;
const LOCAL = readAddress("127.0.0.1")!;

/** A runner whose functions find every name at the public address, and whether its tier has anything to test. */
export async function startEgressRunner(options: RunnerOptions["egress"] = {}) {
  const resolve = async () => [PUBLIC];
  const dialHere: typeof dial = (addresses, port, signal) =>
    dial(
      addresses.map((one) => (one.address === PUBLIC.address ? LOCAL : one)),
      port,
      signal,
    );
  const runner = await startTestRunner(test, { egress: { resolve, dial: dialHere, ...options } });
  const skip = runner.supply.launcher.tier !== "full" && "sandboxes use the machine's network in this tier";
  return { runner, skip };
}

/** The port of a server that is closed after the tests. */
export async function listening(server: Server): Promise<number> {
  await once(server.listen(0, "127.0.0.1"), "listening");
  test.after(() => void server.close());
  return (server.address() as AddressInfo).port;
}

/** A file of this folder with what it imports, as a function's code. */
export async function bundled(file: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [`${import.meta.dirname}/${file}`],
    bundle: true,
    write: false,
    platform: "node",
    target: "node26",
    format: "esm",
    banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
    logLevel: "silent",
  });
  return outputFiles[0]!.text;
}
