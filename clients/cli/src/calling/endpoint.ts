import { invalidFields } from "@millrace/errors";
import type { Deployment } from "@millrace/proto/control/v1/deployments";

/** Where a deployment is called, and what a signature for it is scoped to. */
export interface Endpoint {
  baseUrl: string;
  region: string;
  /** The first label of the deployment's host. */
  service: string;
}

/** By the path form, which needs no name resolution. */
export function endpointOf({ host, pathUrl }: Deployment): Endpoint {
  const [service = "", region = ""] = host.split(".");
  return { baseUrl: pathUrl, region, service };
}

/** From the URL that a provider hands out: `https://{label}.{region}.…` or `…/~{label}/{environment}`; the latter names no region. */
export function endpointOfUrl(text: string, region: string | undefined): Endpoint {
  const url = URL.parse(text);
  if (!url || !/^https?:$/.test(url.protocol))
    throw invalidFields([{ field: "--url", description: "must be an http or https URL" }]);
  const [, label, environment] = /^\/~([a-z0-9]+)\/(test|preview|online)\/?$/.exec(url.pathname) ?? [];
  const [hostLabel = "", hostRegion = ""] = url.hostname.split(".");
  const service = label === undefined ? hostLabel : environment === "online" ? label : `${label}-${environment}`;
  const scopeRegion = region ?? (label === undefined ? hostRegion : undefined);
  if (scopeRegion === undefined)
    throw invalidFields([{ field: "--region", description: "is required with this form of URL" }]);
  return { baseUrl: text.replace(/\/$/, ""), region: scopeRegion, service };
}
