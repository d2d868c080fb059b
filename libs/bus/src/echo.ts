import type { NatsConnection } from "@nats-io/nats-core";

/**
 * Settles once everything has come in that the server had for us when it was asked, or was lost on the way. As long as the server stands
 * still it does not: then nobody can know. The client's own pings break a connection that stays silent.
 */
export async function echo(connection: NatsConnection): Promise<void> {
  // A connection that breaks loses what was on its way: then there is nothing to wait for.
  await connection.flush().catch(() => {});
}
