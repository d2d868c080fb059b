import { openBucket, openObjects } from "@millrace/bus";
import { PLACING_LIMITS } from "../limits.ts";
import type { BusConnection } from "./frames-bus.ts";

/** What the runner reads from JetStream, and where it leaves what it built. */
export interface BusStores {
  functions: Awaited<ReturnType<typeof openBucket>>;
  artifacts: Awaited<ReturnType<typeof openObjects>>;
  uploads: Awaited<ReturnType<typeof openObjects>>;
  builds: Awaited<ReturnType<typeof openObjects>>;
}

/** Opens the stores; waits for control-plane, which makes them, as long as `signal` lets it. */
export async function openStores(
  connection: BusConnection,
  log: { info(fields: object, message: string): void },
  signal: AbortSignal,
): Promise<BusStores> {
  for (let attempt = 0; ; attempt++) {
    try {
      const functions = await openBucket(connection, "functions");
      await functions.status();
      const [artifacts, uploads, builds] = await Promise.all([
        openObjects(connection, "artifacts"),
        openObjects(connection, "uploads"),
        openObjects(connection, "builds"),
      ]);
      return { functions, artifacts, uploads, builds };
    } catch (err) {
      if (signal.aborted) throw err;
      if (attempt % 20 === 0) log.info({ err }, "the buckets are not there yet");
      await new Promise((resolve) => setTimeout(resolve, PLACING_LIMITS.storesRetryMs));
    }
  }
}
