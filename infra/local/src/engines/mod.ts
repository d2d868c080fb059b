export { fetchDebianPackages, libraryPath } from "../../bootstrap/debian-packages.mjs";
export { enginesFolder } from "../../bootstrap/homes.mjs";
export { findExecutable } from "../command.ts";
export { commandLine, type EngineName, type EngineProgram, environmentOf } from "./engine-program.ts";
export { findProgram } from "./find-program.ts";
export { type NatsUser, natsProcess } from "./nats-engine.ts";
export { dataVersion, postgresProcess, postgresUrl } from "./postgres-engine.ts";
export { redisProcess, redisUrl } from "./redis-engine.ts";
export { type Engine, type Engines, startEngines } from "./start-engines.ts";
