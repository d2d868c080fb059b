export { type MarkedKey, markKeys } from "./outbox.ts";
export { OutboxLag } from "./outbox-lag.ts";
export { OutboxRelay, type RelayOptions, type Render, type Rendered } from "./relay.ts";
