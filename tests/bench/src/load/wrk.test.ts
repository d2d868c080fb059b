import assert from "node:assert/strict";
import { test } from "node:test";
import { parseWrk } from "./wrk.ts";

const REPORT = `Running 2s test @ http://127.0.0.1:8080/
  1 threads and 64 connections
  Latency Distribution
     50%  812.00us
     75%    1.02ms
     90%    2.25ms
     99%    1.20s
  41230 requests in 2.00s, 6.17MB read
  Socket errors: connect 0, read 3, write 0, timeout 1
  Non-2xx or 3xx responses: 7
Requests/sec:  20615.53
Transfer/sec:      3.08MB
`;

test("a report of wrk is read with its units, and every kind of error is counted", () => {
  const { rps, ...rest } = parseWrk(REPORT);
  assert.deepEqual(rest, { p50Ms: 0.812, p99Ms: 1_200, requests: 41_230, mibPerSecond: 3.08, errors: 11 });
  assert.equal(rps.toFixed(2), "20612.03", "the 7 refusals of 41230 are no throughput");
});

test("a target that only refuses has no throughput", () => {
  assert.equal(parseWrk(REPORT.replace("responses: 7", "responses: 41230")).rps, 0);
});

test("a run in which no answer became whole has no latency, but what was read", () => {
  const none = REPORT.replace("41230 requests", "0 requests").replace(
    "Requests/sec:  20615.53",
    "Requests/sec:      0.00",
  );
  const { rps, p50Ms, mibPerSecond } = parseWrk(none);
  assert.deepEqual({ rps, p50Ms, mibPerSecond }, { rps: 0, p50Ms: Number.NaN, mibPerSecond: 3.08 });
});

test("a report without a rate is no result", () => {
  assert.throws(() => parseWrk("unable to connect to 127.0.0.1:1 Connection refused"), /reported no rate/);
});
