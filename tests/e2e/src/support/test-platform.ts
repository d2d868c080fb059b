/** A whole platform of a test file's own: private state folder, private engines, gone when the file is done. */
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { type Platform, type PlatformOptions, startPlatform } from "@millrace/local";
import { PlatformRpc } from "./platform-rpc.ts";

export type TestPlatform = Platform & {
  /** Calls as the first operator. */
  readonly rpc: PlatformRpc;
  /** What the platform said of its processes, e.g. that a crashed one was started again. */
  readonly said: readonly string[];
};

/** Engine programs come from the checkout's cache, so nothing is fetched twice. To be called once per file, at its top. */
export async function testPlatform(options: PlatformOptions = {}): Promise<TestPlatform> {
  const said: string[] = [];
  const platform = await startPlatform({
    stateDirectory: mkdtempSync(join(tmpdir(), "millrace-e2e-")),
    ephemeral: true,
    log: (line) => said.push(line),
    ...options,
  });
  const rpc = new PlatformRpc(platform, platform.adminToken);
  after(async () => {
    rpc.close();
    await platform.destroy();
  });
  return { ...platform, rpc, said };
}

/** Where a service's process answers /livez, /readyz and /metrics. */
export function operationsUrl(platform: TestPlatform, service: string): string {
  const ports = JSON.parse(readFileSync(join(platform.stateDirectory, "ports.json"), "utf8")) as Record<string, number>;
  return `http://127.0.0.1:${ports[`${service}.operations`]}`;
}

/** The value of a metric of a service's process, such as `millrace_gateway_derived_keys` of `gateway-1`; summed over its labels. */
export async function metricOf(platform: TestPlatform, service: string, metric: string): Promise<number> {
  const response = await fetch(`${operationsUrl(platform, service)}/metrics`);
  const lines = (await response.text()).split("\n").filter((line) => /^[a-z]/.test(line));
  const values = lines.filter((line) => line.split(/[ {]/)[0] === metric).map((line) => Number(line.split(" ").at(-1)));
  return values.reduce((sum, value) => sum + value, 0);
}
