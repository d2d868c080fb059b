export interface GuardLog {
  error(fields: object, message: string): void;
}

/** A handler of messages that does not throw: the NATS client reads nothing more, for good, after one that did. */
export function guarded<Values extends unknown[]>(
  handle: (...values: Values) => void,
  log: GuardLog,
): (...values: Values) => void {
  return (...values) => {
    try {
      handle(...values);
    } catch (err) {
      log.error({ err }, "a message could not be handled");
    }
  };
}
