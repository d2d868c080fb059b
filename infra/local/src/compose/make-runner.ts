/**
 * Makes what a runner joins with, and prints it:
 * `docker compose run --rm -T setup infra/local/src/compose/make-runner.ts north tls://nats.example.com:4222 > north.json`,
 * then `docker compose kill --signal HUP nats`.
 */
import { bundleText } from "../joining/bundle.ts";
import { makeComposeRunner } from "./compose-secrets.ts";

const [id = "", natsUrl = ""] = process.argv.slice(2);
process.stdout.write(bundleText(makeComposeRunner("/secrets", id, natsUrl)));
