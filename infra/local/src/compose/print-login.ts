/** Prints the first operator's login: `docker compose run --rm setup infra/local/src/compose/print-login.ts`. */
import { readFileSync } from "node:fs";

const { email, password } = JSON.parse(readFileSync("/secrets/platform/bootstrap.json", "utf8"));
console.log(`${email}  ${password}`);
