export { bundleText } from "./bundle.ts";
export { assertGatewayId, type GatewayBundle, parseGatewayBundle } from "./gateway-bundle.ts";
export { type GatewayJoinOptions, joinGateway } from "./join-gateway.ts";
export { type JoinOptions, joinRunner } from "./join-runner.ts";
export { createGateway, deleteGateway, type GatewayCreateOptions } from "./joined-gateways.ts";
export { type CreateOptions, createRunner, deleteRunner } from "./joined-runners.ts";
export { assertRunnerId, parseBundle, type RunnerBundle } from "./runner-bundle.ts";
