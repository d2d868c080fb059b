/**
 * A private Redis. It keeps nothing on disk, since it holds only what may be lost, and evicts nothing, since a forgotten
 * nonce would let a signature be used twice.
 */
import { chownSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { makePrivateDirectory, type User } from "../paths.ts";
import type { ProcessSpec } from "../processes/managed-process.ts";
import { commandLine, type EngineProgram, environmentOf } from "./engine-program.ts";

const MEMORY_MAX = "256mb";
const START_TIMEOUT_MS = 15_000;
const STOP_TIMEOUT_MS = 10_000;
const PROBE_TIMEOUT_MS = 1_000;

export type RedisShape = {
  readonly name: string;
  readonly program: EngineProgram;
  readonly folder: string;
  readonly port: number;
  readonly password: string;
  readonly user: User | undefined;
  readonly logFile: string;
};

export const redisUrl = (shape: Pick<RedisShape, "port" | "password">): string =>
  `redis://:${shape.password}@127.0.0.1:${shape.port}/0`;

export function redisProcess(shape: RedisShape): ProcessSpec {
  const { program, user } = shape;
  makePrivateDirectory(shape.folder);
  const configuration = join(shape.folder, "redis.conf");
  writeFileSync(configuration, redisConfiguration({ ...shape, listenHost: program.listenHost }), { mode: 0o600 });
  for (const path of user === undefined ? [] : [shape.folder, configuration]) chownSync(path, user!.uid, user!.gid);
  return {
    name: shape.name,
    argv: () => [...commandLine(program, "redis-server", shape), configuration],
    env: environmentOf(program),
    cwd: shape.folder,
    user: program.kind === "binary" ? user : undefined,
    logFile: shape.logFile,
    probe: () => answersPing(shape.port, shape.password),
    startTimeoutMs: START_TIMEOUT_MS,
    startAttemptsMax: 2,
    stopSignal: "SIGTERM",
    stopTimeoutMs: STOP_TIMEOUT_MS,
  };
}

type RedisSettings = Pick<RedisShape, "port" | "password" | "folder"> & { readonly listenHost: string };

export function redisConfiguration(shape: RedisSettings): string {
  return [
    `bind ${shape.listenHost}`,
    `port ${shape.port}`,
    `requirepass ${shape.password}`,
    `dir ${shape.folder}`,
    'save ""',
    "appendonly no",
    `maxmemory ${MEMORY_MAX}`,
    "maxmemory-policy noeviction",
    "",
  ].join("\n");
}

function answersPing(port: number, password: string): Promise<boolean> {
  return new Promise((settle) => {
    const socket = connect({ host: "127.0.0.1", port, timeout: PROBE_TIMEOUT_MS });
    const answer = (good: boolean): void => {
      socket.destroy();
      settle(good);
    };
    let received = "";
    socket.once("connect", () => socket.write(`AUTH ${password}\r\nPING\r\n`));
    socket.on("data", (chunk) => {
      received += String(chunk);
      if (received.includes("+PONG")) answer(true);
      else if (received.includes("-")) answer(false);
    });
    socket.once("error", () => answer(false));
    socket.once("timeout", () => answer(false));
    socket.once("close", () => answer(false));
  });
}
