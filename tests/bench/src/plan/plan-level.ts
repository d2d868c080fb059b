export interface PlanOrder {
  /** Rising. */
  groupCounts: readonly number[];
  /** At each level. */
  lookups: number;
  swaps: number;
}

/** The gateway's plan with so many APIs in it. */
export interface PlanLevel {
  groups: number;
  apis: number;
  /** Of all releases so far, one after the other. */
  loadMs: number;
  /** From a record that points at a new snapshot until that is served. */
  swapP50Ms: number;
  swapP99Ms: number;
  swapMaxMs: number;
  /** From a host label and a path to the route. */
  lookupUs: number;
  /** By V8's accounting after a collection of garbage, above an empty plan. */
  heldMiB: number;
}
