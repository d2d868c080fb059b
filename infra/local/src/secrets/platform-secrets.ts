/**
 * The secrets of one platform: what services prove themselves with to each other, to NATS and to the databases, the keys that they
 * seal with, and the first operator's sign-in.
 */
import { type createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, randomInt } from "node:crypto";
import { type BusIdentity, permissionsFor } from "@millrace/bus";
import { createUser, fromSeed } from "@nats-io/nkeys";
import type { NatsUser } from "../engines/nats-engine.ts";
import { randomPassword, type SecretFiles } from "./secret-files.ts";

export const SERVICES = ["gateway", "function-runner", "control-plane", "auth", "console"] as const;
export type ServiceName = (typeof SERVICES)[number];

export type Operator = { readonly email: string; readonly password: string; readonly token: string };

const OPERATOR_EMAIL = "operator@millrace.local";
const MASTER_KEY_BYTES = 32;
const TOKEN_SECRET_BYTES = 32;
const TOKEN_ID_CHARACTERS = 12;
const ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789";

export type PlatformSecrets = {
  readonly trustFile: string;
  readonly masterKeyFile: string;
  readonly controlPlaneKeyFile: string;
  readonly runnerPrivateKeyFile: string;
  readonly runnerPublicKeyFile: string;
  readonly gatewayPrivateKeyFile: string;
  readonly gatewayPublicKeyFile: string;
  readonly bootstrapFile: string;
  readonly operator: Operator;
  readonly postgresPassword: string;
  readonly redisPassword: string;
};

/** Makes what is missing and answers where everything is. */
export function makePlatformSecrets(files: SecretFiles): PlatformSecrets {
  const trust = Object.fromEntries(SERVICES.map((service) => [service, makeServiceKey(files, service)]));
  for (const name of ["master.key", "control-plane.key"]) {
    files.once(name, () => randomBytes(MASTER_KEY_BYTES).toString("base64"));
  }
  const operator = files.once("bootstrap.json", () =>
    JSON.stringify({ email: OPERATOR_EMAIL, password: randomPassword(), token: randomToken() }),
  );
  return {
    trustFile: files.write("trust.json", JSON.stringify(trust, null, 2)),
    masterKeyFile: files.path("master.key"),
    controlPlaneKeyFile: files.path("control-plane.key"),
    runnerPrivateKeyFile: files.path("runner-private.pem"),
    runnerPublicKeyFile: files.write("runner-public.pem", publicPem(runnerPrivateKey(files))),
    gatewayPrivateKeyFile: files.path("gateway-private.pem"),
    gatewayPublicKeyFile: files.write("gateway-public.pem", publicPem(gatewayPrivateKey(files))),
    bootstrapFile: files.path("bootstrap.json"),
    operator: JSON.parse(operator) as Operator,
    postgresPassword: files.once("postgres.password", randomPassword),
    redisPassword: files.once("redis.password", randomPassword),
  };
}

/** An API token as auth knows them: what it is, an id to find it by, and 32 random bytes. */
function randomToken(): string {
  const id = Array.from({ length: TOKEN_ID_CHARACTERS }, () => ALPHABET[randomInt(ALPHABET.length)]).join("");
  return `mrt_${id}_${randomBytes(TOKEN_SECRET_BYTES).toString("base64url")}`;
}

export const serviceKeyFile = (files: SecretFiles, service: ServiceName): string => files.path(`${service}.pem`);

/** The public half, for the trust file. */
function makeServiceKey(files: SecretFiles, service: ServiceName): string {
  return publicPem(files.once(`${service}.pem`, () => privatePem(generateKeyPairSync("ed25519").privateKey)));
}

const privatePem = (key: ReturnType<typeof createPrivateKey>): string =>
  key.export({ type: "pkcs8", format: "pem" }).toString();

const publicPem = (privateKey: string): string =>
  createPublicKey(privateKey).export({ type: "spki", format: "pem" }).toString();

/** X25519, PKCS8 PEM: what every runner opens the functions' secrets with. */
export const runnerPrivateKey = (files: SecretFiles): string =>
  files.once("runner-private.pem", () => privatePem(generateKeyPairSync("x25519").privateKey));

/** The same for what every gateway opens the private keys of custom hosts with. */
export const gatewayPrivateKey = (files: SecretFiles): string =>
  files.once("gateway-private.pem", () => privatePem(generateKeyPairSync("x25519").privateKey));

export const natsSeedFile = (files: SecretFiles, identity: BusIdentity): string =>
  files.path(`nats-${identity.service}-${identity.id}.seed`);

/** A NATS user for each identity, which may touch what the bus table lets it touch. */
export function makeNatsUsers(files: SecretFiles, identities: readonly BusIdentity[]): NatsUser[] {
  return identities.map((identity) => {
    const name = `nats-${identity.service}-${identity.id}.seed`;
    const seed = files.once(name, () => new TextDecoder().decode(createUser().getSeed()));
    const nkey = fromSeed(new TextEncoder().encode(seed)).getPublicKey();
    return { nkey, permissions: permissionsFor(identity) };
  });
}
