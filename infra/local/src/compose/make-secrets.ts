/** The compose file's service `setup`. */
import { makeComposeSecrets } from "./compose-secrets.ts";

makeComposeSecrets(process.argv[2]!);
