import type { Telemetry } from "@millrace/telemetry";
import type { GatewayHttp } from "../edge/gateway-http.ts";

/** Connections over TLS that never came to a request. */
export function registerTlsMetrics(
  { meter }: Pick<Telemetry, "meter">,
  { refusedHandshakes }: Pick<GatewayHttp, "refusedHandshakes">,
): void {
  meter
    .createObservableCounter("gateway_tls_handshakes_refused_total", {
      description: "TLS handshakes that came to nothing",
    })
    .addCallback((result) => {
      for (const [why, count] of Object.entries(refusedHandshakes)) result.observe(count, { why });
    });
}
