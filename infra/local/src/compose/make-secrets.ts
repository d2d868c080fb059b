/** The compose file's service `setup`: the folder of secrets, and how many gateways NATS shall know. */
import { makeComposeSecrets } from "./compose-secrets.ts";

const [root = "/secrets", gateways = "1"] = process.argv.slice(2);
makeComposeSecrets(root, Number(gateways));
