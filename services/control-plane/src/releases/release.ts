import type { Backend } from "../apis/api.ts";
import type { DeploymentKey } from "../deployments/deployment.ts";

// A release: what was put into a deployment, for good.

export interface ReleasedApi {
  id: string;
  method: string;
  /** With the group's prefix. */
  path: string;
  /** `{function}@{version}`, `{function}@{alias}` or `mock` */
  backend: string;
}

/** Sends some of the requests of APIs that have the environment's backend elsewhere. */
export interface RoutingRule {
  name: string;
  /** A request fits when it has all of them; names of headers are in lower case. */
  headers: readonly RoutingCondition[];
  query: readonly RoutingCondition[];
  backend: Backend;
}

export interface RoutingCondition {
  name: string;
  value: string;
}

export interface Release extends DeploymentKey {
  number: number;
  revision: number;
  note: string;
  author: string;
  environmentBackend: Backend | undefined;
  /** The first that fits counts. */
  routingRules: readonly RoutingRule[];
  apis: readonly ReleasedApi[];
  /** 0 when it is no rollback. */
  rollbackOf: number;
  /** sha-256 (hex) of the snapshot before packing. */
  snapshotDigest: string;
  createdAt: Date;
}

/** What a release calls: a pinned version's number or a live alias of a function. */
export interface ReleaseTarget {
  functionUid: string;
  qualifier: string;
}
