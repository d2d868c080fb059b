import type { Code, FunctionConfig } from "./function.ts";

// Columns of type jsonb are read as text and parsed here: the driver's name transform would also change keys inside of documents.

/** What configurations that were stored before there was such a setting mean. */
const ADDED_LATER: Partial<FunctionConfig> = { maxConcurrencyPerRunner: 0, egress: { mode: "http" } };

export function readConfig(text: string): FunctionConfig {
  return { ...ADDED_LATER, ...(JSON.parse(text) as FunctionConfig) };
}

export function readCode(text: string): Code {
  const code = JSON.parse(text) as Code & { uploadedAt: string };
  return { ...code, uploadedAt: new Date(code.uploadedAt) };
}
