/**
 * Makes what a gateway elsewhere joins with, and prints it:
 * `docker compose run --rm -T setup infra/local/src/compose/make-gateway.ts east tls://nats.example.com:4222 redis.example.com:6379
 * auth.example.com:7101 > east.json`, then `docker compose kill --signal HUP nats`.
 */
import { bundleText } from "../joining/bundle.ts";
import { makeComposeGateway } from "./compose-secrets.ts";

const [id = "", natsUrl = "", redisAddress = "", authAddress = ""] = process.argv.slice(2);
process.stdout.write(bundleText(makeComposeGateway("/secrets", id, { natsUrl, redisAddress, authAddress })));
