export { type JoinOptions, joinRunner } from "./join-runner.ts";
export { type CreateOptions, createRunner, deleteRunner } from "./joined-runners.ts";
export { assertRunnerId, bundleText, parseBundle, type RunnerBundle } from "./runner-bundle.ts";
