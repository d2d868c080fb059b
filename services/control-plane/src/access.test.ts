import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { PlatformError } from "@millrace/errors";
import { Role } from "@millrace/proto/auth/v1/people";
import { UploadCodeRequest } from "@millrace/proto/control/v1/functions";
import { ACCESS } from "./access.ts";
import { createProject } from "./testing/calls.ts";
import { allMethods, type Method } from "./testing/methods.ts";
import { startControlPlane } from "./testing/test-control-plane.ts";

// Every method as every kind of caller, against the running service. The request names a resource that no method knows, so that a call that
// is let in changes nothing.

const { client, auth, authIdentity } = await startControlPlane({ after });

/** What the service forgot to register is missed too. */
const METHODS = await allMethods();

type Caller = "nobody" | "stranger" | "viewer" | "developer" | "owner" | "operator" | "service";
type Cell = "allowed" | "unauthenticated" | "hidden" | "denied";

/** What each kind of row of the table means for each caller. */
const CELLS: Readonly<Record<string, Readonly<Record<Caller, Cell>>>> = {
  viewer: cells("hidden", "allowed", "allowed", "allowed", "allowed"),
  developer: cells("hidden", "denied", "allowed", "allowed", "allowed"),
  owner: cells("hidden", "denied", "denied", "allowed", "allowed"),
  person: cells("allowed", "allowed", "allowed", "allowed", "allowed"),
  operator: cells("denied", "denied", "denied", "denied", "allowed"),
  service: { ...cells("denied", "denied", "denied", "denied", "denied"), service: "allowed" },
};

function cells(stranger: Cell, viewer: Cell, developer: Cell, owner: Cell, operator: Cell): Record<Caller, Cell> {
  return { nobody: "unauthenticated", stranger, viewer, developer, owner, operator, service: "denied" };
}

const CALLERS = Object.keys(CELLS.viewer!) as Caller[];

await createProject(client, "shop");
for (const [person, role] of [
  ["viewer", Role.VIEWER],
  ["developer", Role.DEVELOPER],
  ["owner", Role.OWNER],
] as const) {
  auth.addPerson(person);
  auth.grant(person, "shop", role);
}
auth.addPerson("stranger");

async function tokenOf(caller: Caller): Promise<string> {
  if (caller === "nobody") return " ";
  if (caller === "operator") return "root";
  return caller === "service" ? authIdentity.tokenFor("control-plane") : caller;
}

/** Owners alone may do what asks for an owner in the handler; the table's row is `person`. */
const ASKS_IN_HANDLER = /\/ListAuditEvents$/;

async function cellOf(method: Method, caller: Caller): Promise<Cell> {
  const token = await tokenOf(caller);
  const error = await call(method, token).then(
    () => undefined,
    (thrown: unknown) => thrown as PlatformError,
  );
  if (error?.reason === "credential_missing") return "unauthenticated";
  if (error?.reason === "project_not_found") return "hidden";
  return error?.reason === "permission_denied" ? "denied" : "allowed";
}

function call(method: Method, token: string): Promise<unknown> {
  if (method.requestStream) {
    const header = { $case: "header", value: { name: "projects/shop/functions/none", filename: "a.js" } } as const;
    const messages = [UploadCodeRequest.fromPartial({ part: header })];
    return client.callClientStream(method as never, messages, { token });
  }
  const request = method.requestDeserialize(Buffer.alloc(0));
  if ("name" in request) request.name = "projects/shop/nothing/here";
  if ("parent" in request) request.parent = "projects/shop/nothing/here";
  // Who may follow a stream is in it until it ends.
  return client.call(method as never, request as never, { token, ...(method.responseStream && { timeoutMs: 500 }) });
}

test("every method of the protos has a row, and every row a method", () => {
  assert.deepEqual(Object.keys(ACCESS).toSorted(), [...METHODS.keys()].toSorted());
});

for (const [path, access] of Object.entries(ACCESS)) {
  if (ASKS_IN_HANDLER.test(path)) continue;
  const row = access.who === "member" ? access.role : access.who;
  test(`${path.split("/")[2]}: ${row}, and nobody else`, async () => {
    const method = METHODS.get(path)!;
    const found = await Promise.all(CALLERS.map((caller) => cellOf(method, caller)));
    const expected = CALLERS.map((caller) => CELLS[row]?.[caller] ?? "a row that this test does not know");
    assert.deepEqual(Object.fromEntries(CALLERS.map((caller, i) => [caller, found[i]])), {
      ...Object.fromEntries(CALLERS.map((caller, i) => [caller, expected[i]])),
    });
  });
}
