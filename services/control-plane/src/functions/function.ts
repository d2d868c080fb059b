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
  environment: Readonly<Record<string, string>>;
  /** Base64, sealed to the runners' key: nobody here can read them. */
  sealedSecrets: Readonly<Record<string, string>>;
}

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

/** What is run: the configuration with the defaults that depend on the code. */
export interface RunSettings {
  handler: string;
  shape: HandlerShape;
  concurrency: number;
}

/**
 * How the code is run under a configuration, or undefined when only another upload can tell: the code was tried with another
 * handler setting, and its exports do not answer for the new one.
 */
export function runSettings(config: FunctionConfig, code: Code): RunSettings | undefined {
  const named = config.handler !== "" && config.handler !== "default";
  const triedSo = code.handler === config.handler;
  if (!triedSo && !(named && code.exports.includes(config.handler))) return undefined;
  const shape = triedSo ? code.shape : "handler";
  const { handlerDefault, fetchDefault } = LIMITS.concurrency;
  return {
    shape,
    handler: config.handler || (shape === "fetch" ? "default" : "handler"),
    concurrency: config.concurrency || (shape === "fetch" ? fetchDefault : handlerDefault),
  };
}
