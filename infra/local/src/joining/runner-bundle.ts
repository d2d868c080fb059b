import { assertJoiningName, readBundle } from "./bundle.ts";

/** What a runner joins with: who it is on NATS, where NATS is, and the key that opens the functions' secrets. */
export type RunnerBundle = {
  readonly version: 1;
  readonly runnerId: string;
  readonly natsUrl: string;
  /** PEM of the authority that signed the certificate of NATS, where it is a private one. */
  readonly natsCa?: string | undefined;
  /** Of a NATS user who may do what this runner may, and nothing else. */
  readonly natsSeed: string;
  /** X25519, PKCS8 PEM. */
  readonly privateKey: string;
};

const MEMBERS = ["runnerId", "natsUrl", "natsSeed", "privateKey"];

/** Throws an error that says what is wrong and shows nothing of the text. */
export function parseBundle(text: string): RunnerBundle {
  const given = readBundle("function-runner", MEMBERS, text) as RunnerBundle;
  assertRunnerId(given.runnerId);
  return given;
}

export const assertRunnerId = (id: string): void => assertJoiningName("function-runner", id);
