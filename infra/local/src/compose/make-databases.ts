/** The compose file's service `databases`. */
import { makeComposeDatabases } from "./compose-secrets.ts";

await makeComposeDatabases(process.argv[2]!);
