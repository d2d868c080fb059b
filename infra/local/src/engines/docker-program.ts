/** An engine out of a Docker image: the same command line, run in a container that sees only the instance's own folder. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { runCommand } from "../command.ts";
import type { EngineProgram, EngineRow, InstanceShape } from "./engine-program.ts";
import { parseVersion } from "./engine-program.ts";

const DOCKER_TIMEOUT_MS = 10_000;
const PULL_TIMEOUT_MS = 300_000;

export async function dockerProgram(row: EngineRow, log: (line: string) => void): Promise<EngineProgram> {
  const image = row.dockerImage;
  await runCommand(["docker", "version", "--format", "{{.Server.Version}}"], { timeoutMs: DOCKER_TIMEOUT_MS }).catch(
    (cause: unknown) => {
      throw new Error("Docker is not running here", { cause });
    },
  );
  log(`using the Docker image ${image}`);
  const printed = await runCommand(["docker", "run", "--rm", image, row.executable, "--version"], {
    timeoutMs: PULL_TIMEOUT_MS,
  });
  const version = parseVersion(printed) ?? "unknown";
  return { kind: "image", image, origin: `Docker image ${image}`, version, listenHost: "0.0.0.0" };
}

/**
 * The port is published on loopback only; the folder has the same path inside and out, so that configurations need no change. A
 * container that outlived its start is removed first.
 */
export function dockerRun(instance: InstanceShape): string[] {
  const uid = instance.user?.uid ?? process.getuid?.() ?? 0;
  const gid = instance.user?.gid ?? process.getgid?.() ?? 0;
  const name = `millrace-${createHash("sha256").update(instance.folder).digest("hex").slice(0, 12)}-${instance.name}`;
  spawnSync("docker", ["rm", "--force", name], { stdio: "ignore", timeout: DOCKER_TIMEOUT_MS });
  // initdb looks its own user up by number and refuses to work for a stranger.
  const passwd = join(instance.folder, "passwd");
  writeFileSync(passwd, `millrace:x:${uid}:${gid}::/:/bin/sh\n`);
  return [
    "docker",
    "run",
    "--rm",
    "--init",
    `--name=${name}`,
    `--user=${uid}:${gid}`,
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
    `--volume=${instance.folder}:${instance.folder}`,
    `--volume=${passwd}:/etc/passwd:ro`,
    `--workdir=${instance.folder}`,
    ...(instance.port === undefined ? [] : [`--publish=127.0.0.1:${instance.port}:${instance.port}`]),
  ];
}
