/**
 * What a runner needs to join a platform from anywhere: who it is on NATS, where NATS is, and the key that opens the functions' secrets.
 * It is as secret as the platform's own runners are.
 */
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

const MEMBERS = ["runnerId", "natsUrl", "natsSeed", "privateKey"] as const;

export const bundleText = (bundle: RunnerBundle): string => `${JSON.stringify(bundle, null, 2)}\n`;

/** Throws an error that says what is wrong and shows nothing of the text. */
export function parseBundle(text: string): RunnerBundle {
  const given = parseObject(text);
  if (given.version !== 1) throw new Error("is no runner's bundle, or one of another version of Millrace");
  const missing = MEMBERS.filter((name) => typeof given[name] !== "string" || given[name] === "");
  if (missing.length > 0) throw new Error(`is a bundle without ${missing.join(", ")}`);
  assertRunnerId(given.runnerId as string);
  return given as RunnerBundle;
}

/** The id is a part of NATS subjects and of file names. The platform's own runners are `runner-1`, `runner-2` and so on. */
export function assertRunnerId(id: string): void {
  if (!/^[a-z0-9][a-z0-9_-]{0,62}$/.test(id)) throw new Error("must be 1 to 63 of a-z, 0-9, _ and -");
  if (isOwnRunner(id)) throw new Error("must not be runner-1, runner-2 …, which are the platform's own");
}

export const isOwnRunner = (id: string): boolean => /^runner-\d+$/.test(id);

function parseObject(text: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(text)) as Record<string, unknown>;
  } catch {
    throw new Error("is no runner's bundle");
  }
}
