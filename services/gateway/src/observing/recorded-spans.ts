import { startServerSpan, type Telemetry } from "@millrace/telemetry";
import type { BeginSpan } from "./trace-context.ts";

/** Spans that are exported when the caller's context, or the sampler for a new trace, says so. */
export function recordSpans(tracer: Telemetry["tracer"]): BeginSpan {
  return (parent, method) => {
    const span = startServerSpan(tracer, method, parent);
    const { traceId, spanId, traceFlags } = span.spanContext();
    return {
      traceId,
      spanId,
      sampled: (traceFlags & 1) === 1,
      end({ status, route, reason }) {
        if (route !== "") span.updateName(`${method} ${route}`);
        span.setAttributes({ "http.request.method": method, "http.route": route, "http.response.status_code": status });
        if (reason !== "") span.setAttribute("error.type", reason);
        span.end();
      },
    };
  };
}
