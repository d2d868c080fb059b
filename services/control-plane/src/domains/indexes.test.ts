import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { Queryable, Transaction } from "@millrace/sql";
import { testDatabase } from "@millrace/testing";
import { deploymentsOf } from "../deployments/deployment-store.ts";
import { findProvedDomain, listProvedDomains } from "../projecting/projected-store.ts";
import { planOf } from "../testing/plan.ts";
import * as store from "./domain-store.ts";

const MIGRATIONS = new URL("../../migrations", import.meta.url).pathname;
const { sql } = await testDatabase({ after }, { schema: "control_plane", migrations: MIGRATIONS });

/** Explained, a count answers no row. */
const explained = (count: Promise<number>) => count.catch(() => {});

const HOST = "api.shop.example";
const STATEMENTS: [string, (sql: Queryable) => Promise<unknown>, RegExp][] = [
  ["a page", (tx) => store.listDomains(tx, { project: "shop", after: HOST, limit: 100 }), /domains_host/],
  ["how many a project has", (tx) => explained(store.countDomains(tx, "shop")), /domains_host/],
  ["those that a project has proved", (tx) => store.provedHosts(tx, "shop"), /domains_host|domains_holder/],
  ["how many are bound to a group", (tx) => explained(store.countBound(tx, "abc", "dm-1")), /domains_by_deployment/],
  ["those of a group that goes", (tx) => store.unbindDomains(tx as Transaction, "abc"), /domains_by_deployment/],
  ["who has a host", (tx) => store.lockHolder(tx as Transaction, HOST), /domains_holder/],
  ["what gateways are told of a host", (tx) => findProvedDomain(tx, HOST), /domains_holder/],
  ["what gateways are told", (tx) => listProvedDomains(tx, { host: HOST }, 100), /domains_holder/],
];

for (const [name, ask, index] of STATEMENTS) {
  test(`${name}: found, and put into order, by an index`, async () => {
    const plan = await planOf(sql, ask);
    assert.match(plan, index);
    assert.doesNotMatch(plan, /Seq Scan on domains|Sort {2}\(/, plan);
  });
}

test("the few custom hosts of a deployment are found by an index", async () => {
  const plan = await planOf(sql, (tx) => deploymentsOf(tx, "abc"));
  assert.match(plan, /domains_by_deployment/);
  assert.doesNotMatch(plan, /Seq Scan on domains/, plan);
});
