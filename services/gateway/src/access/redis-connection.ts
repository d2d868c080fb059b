import { Redis } from "ioredis";

const CONNECT_TIMEOUT_MS = 2_000;
const RECONNECT_MS = 100;
const RECONNECT_MS_MAX = 1_000;

export interface RedisLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/** Connects, and for ever reconnects. Commands never wait for a connection: without one they fail at once. */
export function connectRedis(url: string, log: RedisLog): Redis {
  const redis = new Redis(url, {
    connectTimeout: CONNECT_TIMEOUT_MS,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    retryStrategy: (attempt) => Math.min(attempt * RECONNECT_MS, RECONNECT_MS_MAX),
  });
  let away = false;
  redis.on("error", (err: Error) => {
    if (!away) log.warn({ err }, "Redis is away");
    away = true;
  });
  redis.on("ready", () => {
    log.info({}, "Redis is there");
    away = false;
  });
  return redis;
}
