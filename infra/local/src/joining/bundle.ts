/** What a process needs to join a platform from anywhere: JSON, as secret as what the platform's own processes have. */
export type JoiningService = "function-runner" | "gateway";

/** What people call it. */
export const WORD: Readonly<Record<JoiningService, string>> = { "function-runner": "runner", gateway: "gateway" };

export const bundleText = (bundle: object): string => `${JSON.stringify(bundle, null, 2)}\n`;

/** Throws an error that says what is wrong and shows nothing of the text. */
export function readBundle(service: JoiningService, members: readonly string[], text: string): Record<string, unknown> {
  const word = WORD[service];
  const given = parseObject(text, word);
  if (given.version !== 1) throw new Error(`is no ${word}'s bundle, or one of another version of Millrace`);
  const missing = members.filter((name) => typeof given[name] !== "string" || given[name] === "");
  if (missing.length > 0) throw new Error(`is a bundle without ${missing.join(", ")}`);
  return given;
}

/** A name is a part of NATS subjects and of file names. The platform's own are `runner-1`, `gateway-1`, `runner-2` and so on. */
export function assertJoiningName(service: JoiningService, id: string): void {
  const word = WORD[service];
  if (!/^[a-z0-9][a-z0-9_-]{0,62}$/.test(id)) throw new Error("must be 1 to 63 of a-z, 0-9, _ and -");
  if (isOwnName(service, id)) throw new Error(`must not be ${word}-1, ${word}-2 …, which are the platform's own`);
}

export const isOwnName = (service: JoiningService, id: string): boolean =>
  new RegExp(`^${WORD[service]}-\\d+$`).test(id);

function parseObject(text: string, word: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(text)) as Record<string, unknown>;
  } catch {
    throw new Error(`is no ${word}'s bundle`);
  }
}
