export { freePort } from "./free-port.ts";
export { checkSchemaDump } from "./schema-dump.ts";
export { type TestDatabase, type TestDatabaseOptions, testDatabase } from "./test-database.ts";
export { type Owner, TEST_ENGINES_VARIABLE, type TestEngines, testEngines } from "./test-engines.ts";
export { testInvoke } from "./test-invoke.ts";
export { type TestNats, type TestNatsOptions, testNats } from "./test-nats.ts";
export { outputOf, startTestProcess } from "./test-process.ts";
export { type TestRedis, testRedis } from "./test-redis.ts";
export { type UntilOptions, until } from "./until.ts";
