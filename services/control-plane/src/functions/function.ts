import { LIMITS } from "../limits.ts";

// A function's draft and what its versions freeze.

export type HandlerShape = "handler" | "fetch";

export interface FunctionConfig {
  /** Name of the export; empty for the default. */
  handler: string;
  memoryMib: number;
  timeoutMs: number;
  /** 0: by the shape of the code. */
  concurrency: number;
  /** 0: no limit. */
  maxConcurrencyPerRunner: number;
  environment: Readonly<Record<string, string>>;
  /** Base64, sealed to the runners' key: nobody here can read them. */
  sealedSecrets: Readonly<Record<string, string>>;
  egress: Egress;
}

/** Where a function may connect to: public addresses on ports 80 and 443, or a list of `host:port`, in the one way to write them. */
export type Egress = { mode: "none" | "http" } | { mode: "hosts"; hosts: readonly string[] };

export interface Code {
  /** sha-256 (hex) of the artifact. */
  digest: string;
  /** sha-256 (hex) of the upload. */
  uploadDigest: string;
  /** File name and entry that came with the upload: the same bytes under another name are another program. */
  source: string;
  /** The handler setting with which it was tried. */
  handler: string;
  sizeBytes: number;
  shape: HandlerShape;
  exports: readonly string[];
  uploadedAt: Date;
}

export interface FunctionDraft {
  uid: string;
  project: string;
  id: string;
  description: string;
  config: FunctionConfig;
  code: Code | undefined;
  /** 0 when none was published. */
  latestVersion: number;
  /** So many of the newest versions stay, used or not. */
  versionsKept: number;
  /** Rises with every change. */
  version: number;
  createdAt: Date;
  updatedAt: Date;
}

export interface FunctionVersion {
  functionUid: string;
  number: number;
  description: string;
  config: FunctionConfig;
  code: Code;
  createdAt: Date;
}

/** How a version's code is run. */
export interface RunSettings {
  /** Name of the export; empty for the default. */
  handler: string;
  shape: HandlerShape;
  concurrency: number;
}

/** Whether the code was tried with the handler that is configured now; otherwise nobody knows that it has it. */
export function codeFits(config: FunctionConfig, code: Code): boolean {
  return code.handler === config.handler;
}

/** The settings with the defaults that depend on the code. */
export function runSettings({ handler, concurrency }: FunctionConfig, { shape }: Code): RunSettings {
  const { handlerDefault, fetchDefault } = LIMITS.concurrency;
  return { handler, shape, concurrency: concurrency || (shape === "fetch" ? fetchDefault : handlerDefault) };
}
