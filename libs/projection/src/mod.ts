export { type MarkedKey, markKeys } from "./outbox.ts";
export { OutboxRelay, type RelayOptions, type Render, type Rendered } from "./relay.ts";
