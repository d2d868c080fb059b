export { type Address, address, bool, bytes, durationMs, integer, secretFile } from "./fields.ts";
export { loadConfig } from "./load-config.ts";
