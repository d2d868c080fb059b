import type { Msg, NatsConnection, Subscription } from "@nats-io/nats-core";

/** `bytes` share memory with what was received; `name` is what a `*` at the end of the subject stood for. */
export type Listener = (bytes: Buffer, name: string, message: Msg) => void;

/**
 * Hands on what was published on a subject, whose last part may be `*`. NATS checks who publishes where, but whoever may read a stream may
 * have its messages delivered on any subject to which somebody listens by its full name (measured with 2.15). Such a message still bears the
 * subject of its stream, and nobody is to take it for one that was published here.
 */
export function listen(
  connection: NatsConnection,
  subject: string,
  onMessage: Listener,
  options: { queue?: string } = {},
): Subscription {
  const prefix = subject.endsWith(".*") ? subject.slice(0, -1) : subject;
  return connection.subscribe(subject, {
    ...options,
    callback: (error, message) => {
      if (error || !message.subject.startsWith(prefix)) return;
      const { data } = message;
      onMessage(
        Buffer.from(data.buffer, data.byteOffset, data.byteLength),
        message.subject.slice(prefix.length),
        message,
      );
    },
  });
}
