/** Whoever takes traces over OTLP, as JSON over HTTP. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after } from "node:test";

export type CollectedSpan = {
  /** `service.name` of who exported it. */
  readonly service: string;
  /** `service.instance.id` of who exported it. */
  readonly instance: string;
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for the first of a trace. */
  readonly parentSpanId: string;
  readonly name: string;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  readonly isError: boolean;
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
};

type Value = { stringValue?: string; intValue?: string | number; doubleValue?: number; boolValue?: boolean };
type Attribute = { key: string; value: Value };
type OtlpSpan = {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes: Attribute[];
  status?: { code?: number };
};
type OtlpRequest = {
  resourceSpans: { resource: { attributes: Attribute[] }; scopeSpans: { spans: OtlpSpan[] }[] }[];
};

const STATUS_ERROR = 2;
const NANOSECONDS_PER_MS = 1e6;

export type TraceCollector = {
  readonly spans: CollectedSpan[];
  /** What services have to be told to export here. */
  readonly variables: Readonly<Record<string, string>>;
};

/** Listens until the file is done. */
export async function startTraceCollector(): Promise<TraceCollector> {
  const spans: CollectedSpan[] = [];
  const server = createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray()).toString("utf8");
    spans.push(...spansIn(JSON.parse(body) as OtlpRequest));
    response.setHeader("content-type", "application/json").end("{}");
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return {
    spans,
    variables: {
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `http://127.0.0.1:${port}/v1/traces`,
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
    },
  };
}

function spansIn({ resourceSpans }: OtlpRequest): CollectedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const { "service.name": service, "service.instance.id": instance } = attributesOf(resource.attributes);
    const from = { service: String(service), instance: String(instance) };
    return scopeSpans.flatMap(({ spans }) => spans.map((span) => ({ ...from, ...collected(span) })));
  });
}

function collected(span: OtlpSpan): Omit<CollectedSpan, "service" | "instance"> {
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    parentSpanId: span.parentSpanId ?? "",
    name: span.name,
    startedAtMs: Number(span.startTimeUnixNano) / NANOSECONDS_PER_MS,
    endedAtMs: Number(span.endTimeUnixNano) / NANOSECONDS_PER_MS,
    isError: span.status?.code === STATUS_ERROR,
    attributes: attributesOf(span.attributes),
  };
}

function attributesOf(attributes: readonly Attribute[]): Record<string, string | number | boolean> {
  return Object.fromEntries(
    attributes.map(({ key, value: { stringValue, intValue, doubleValue, boolValue } }) => [
      key,
      stringValue ?? doubleValue ?? boolValue ?? Number(intValue),
    ]),
  );
}
