import assert from "node:assert/strict";
import { test } from "node:test";
import { OutboundFault, TooManyLookups } from "@millrace/outbound";
import { errors, type Pool } from "undici";
import type { Refusal } from "../answering/reasons.ts";
import { BACKEND_LIMITS } from "../limits.ts";
import { HttpCall } from "./http-call.ts";
import { Origin } from "./origins.ts";

const CERTIFICATES = ["CERT_HAS_EXPIRED", "DEPTH_ZERO_SELF_SIGNED_CERT", "ERR_TLS_CERT_ALTNAME_INVALID", "ERR_SSL_X"];

/** What becomes of as many requests as open a circuit when none can be sent, for this reason. */
function refused(error: Error) {
  const pool = {
    dispatch: (_: object, handler: { onResponseError(controller: null, error: Error): void }) =>
      handler.onResponseError(null, error),
  };
  const load = { origins: 1, calls: 0, connect: () => {}, leaving: new AbortController() };
  const origin = new Origin("p", pool as unknown as Pool, load, 0);
  const faults: Error[] = [];
  const refusals: Refusal[] = [];
  const terms = {
    timeoutMs: 1_000,
    retries: 0,
    safe: true,
    deadlineAtMs: 1_000,
    nowMs: () => 0,
    onFault: (fault: Error) => faults.push(fault),
  };
  const sink = {
    head: () => assert.fail("no answer comes"),
    data: () => assert.fail("no answer comes"),
    end: () => assert.fail("no answer comes"),
    failed: (refusal: Refusal) => void refusals.push(refusal),
  };
  const request = { method: "GET", path: "/", headers: [], body: null, servername: "a.example" };
  for (let i = 0; i < BACKEND_LIMITS.circuit.callsMin; i++) {
    new HttpCall(origin, request, terms, sink).start(origin.circuit.admit(0)!);
  }
  assert.equal(origin.calls, 0);
  return { ...refusals[0]!, circuit: origin.circuit.state(0), faults: faults.length };
}

test("a backend that cannot be reached is told with its code, and held against it", () => {
  for (const code of ["ECONNREFUSED", "ECONNRESET", "EHOSTUNREACH", "EAI_AGAIN", ...CERTIFICATES]) {
    const { reason, detail, circuit, faults } = refused(new OutboundFault(code, ""));
    assert.deepEqual([reason, circuit, faults], ["backend_failed", "open", 0], code);
    assert.ok(detail.includes(`(${code})`), detail);
  }
});

test("what is the gateway's own fault is internal: told to its log, not to the caller, and held against nobody", () => {
  const codes = ["EMFILE", "EADDRNOTAVAIL", "ECANCELED", ""].map((code) => new OutboundFault(code, ""));
  const ours = [new errors.InvalidArgumentError("x"), new errors.ClientDestroyedError("x"), ...codes];
  for (const error of ours) {
    const { reason, detail, circuit, faults } = refused(error);
    assert.deepEqual([reason, circuit, faults], ["internal", "closed", BACKEND_LIMITS.circuit.callsMin], `${error}`);
    assert.doesNotMatch(detail, /[A-Z]{3}/);
  }
});

test("a project that looks up too many names is told so, and its backend is not held to account", () => {
  const { reason, circuit, faults } = refused(new TooManyLookups());
  assert.deepEqual([reason, circuit, faults], ["backend_unavailable", "closed", 0]);
});
