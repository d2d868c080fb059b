export { type Address, address, bool, bytes, durationMs, integer, SecretText, secretFile } from "./fields.ts";
export { loadConfig } from "./load-config.ts";
