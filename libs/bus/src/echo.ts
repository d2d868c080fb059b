import type { NatsConnection } from "@nats-io/nats-core";

/** Settles once everything has come in that the server had for us when it was asked, or was lost on the way; at the latest after `timeoutMs`. */
export async function echo(connection: NatsConnection, timeoutMs: number): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, timeoutMs);
  // A connection that breaks loses what was on its way: then there is nothing to wait for.
  await Promise.race([late, connection.flush().catch(() => {})]);
  clearTimeout(timer);
}
