/**
 * Choosing ports. Nothing assumes that a port is free: the wanted one (remembered from the last start, or a usual one) is
 * tried, else a random one below the range that the system hands to outgoing connections, which could otherwise take it
 * between our look and the server's bind.
 */
import { randomInt } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";

const RANGE = { first: 20_000, end: 32_000 };
const TRIES_MAX = 200;

export type Ports = Readonly<Record<string, number>>;

/** A port for each name, all different, each free when this answers. */
export async function choosePorts(names: readonly string[], wanted: Ports): Promise<Record<string, number>> {
  const held: Server[] = [];
  const chosen: Record<string, number> = {};
  try {
    for (const name of names) {
      const server = await hold(wanted[name]);
      held.push(server);
      chosen[name] = (server.address() as { port: number }).port;
    }
  } finally {
    await Promise.all(held.map((server) => new Promise((settle) => server.close(settle))));
  }
  return chosen;
}

/** Whether nobody listens on any of them. */
export async function areFree(ports: readonly number[]): Promise<boolean> {
  const held = await Promise.all(ports.map(listen));
  await Promise.all(held.map((server) => server && new Promise((settle) => server.close(settle))));
  return held.every((server) => server !== undefined);
}

export function rememberedPorts(file: string): Ports {
  if (!existsSync(file)) return {};
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Ports;
  } catch {
    return {};
  }
}

export function rememberPorts(file: string, ports: Ports): void {
  writeFileSync(file, `${JSON.stringify(ports, null, 2)}\n`, { mode: 0o600 });
}

async function hold(wanted: number | undefined): Promise<Server> {
  if (wanted !== undefined) {
    const server = await listen(wanted);
    if (server !== undefined) return server;
  }
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const server = await listen(randomInt(RANGE.first, RANGE.end));
    if (server !== undefined) return server;
  }
  throw new Error(`no free port on 127.0.0.1 between ${RANGE.first} and ${RANGE.end}`);
}

function listen(port: number): Promise<Server | undefined> {
  return new Promise((settle) => {
    const server = createServer();
    server.once("error", () => settle(undefined));
    server.listen({ host: "127.0.0.1", port, exclusive: true }, () => settle(server));
  });
}
