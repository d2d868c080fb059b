import { STREAMS } from "@millrace/bus";
import type { Telemetry } from "@millrace/telemetry";
import { jetstreamManager } from "@nats-io/jetstream";
import type { BusLink } from "../bus/bus-link.ts";
import { STREAM_CONSUMER } from "./stream-bus.ts";

/** How long /metrics waits for the bus. Without an answer the number is none: a gauge that is left out would show its last one for ever. */
const ANSWER_MS = 2_000;

/** How far the database is behind the streams. */
export function registerStreamMetrics({ meter }: Pick<Telemetry, "meter">, link: Pick<BusLink, "use">): void {
  meter
    .createObservableGauge("control_plane_stream_waiting", {
      description: "Messages of a stream that are not stored yet",
    })
    .addCallback(async (result) => {
      const waiting = await waitingIn(link).catch(() => new Map<string, number>());
      for (const stream of Object.values(STREAMS)) result.observe(waiting.get(stream) ?? Number.NaN, { stream });
    });
}

async function waitingIn(link: Pick<BusLink, "use">): Promise<Map<string, number>> {
  const manager = await jetstreamManager(link.use().connection, { timeout: ANSWER_MS, checkAPI: false });
  const answers = Object.values(STREAMS).map(async (stream) => {
    const { num_pending: pending, num_ack_pending: underWay } = await manager.consumers.info(stream, STREAM_CONSUMER);
    return [stream, pending + underWay] as const;
  });
  return new Map(await Promise.all(answers));
}
