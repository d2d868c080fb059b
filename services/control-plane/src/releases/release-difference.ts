import { unpackRecord } from "@millrace/bus";
import { DeploymentSnapshot, Route } from "@millrace/proto/release/v1/release";
import type { ReleasedApi } from "./release.ts";

/** What gateways have of each API, by id, in the words of a provider: backends by their names. */
export function servedApis(packed: Uint8Array, released: readonly ReleasedApi[]): Map<string, object> {
  const { routes } = DeploymentSnapshot.decode(unpackRecord(packed));
  const backends = new Map(released.map(({ id, backend }) => [id, backend]));
  return new Map(routes.map((route) => [route.apiName, servedApi(route, backends.get(route.apiName) ?? "")]));
}

function servedApi(route: Route, backend: string): object {
  const { apiUid: _uid, apiName: _name, function: target, ...facts } = Route.toJSON(route) as Record<string, unknown>;
  const { eventFormat } = (target ?? {}) as { eventFormat?: string };
  return { ...facts, backend, ...(eventFormat === undefined ? {} : { eventFormat }) };
}
