import assert from "node:assert/strict";
import { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { EDGE_LIMITS } from "../limits.ts";
import { Exchange } from "./exchange.ts";
import { BodyBudget, feedBody, readWholeBody } from "./request-body.ts";
import type { RequestHead } from "./request-head.ts";

function exchangeOf(contentLength: number): Exchange {
  const request = new IncomingMessage(new Socket());
  const exchange = new Exchange(request, new ServerResponse(request), false, () => false);
  exchange.head = { contentLength } as RequestHead;
  return exchange;
}

test("a body takes its bytes of the budget until the exchange ends", () => {
  const [budget, exchange] = [new BodyBudget(), exchangeOf(100)];
  assert.equal(budget.take(exchange, 100), true);
  assert.equal(budget.heldBytes, 100);
  exchange.response.emit("close");
  assert.equal(budget.heldBytes, 0);
});

test("the body of a caller who has left takes none: they would never come back", async () => {
  const [budget, exchange] = [new BodyBudget(), exchangeOf(100)];
  exchange.response.destroy();
  const body = await readWholeBody(exchange, budget);
  assert.deepEqual(["reason" in body && body.reason, budget.heldBytes], ["request_malformed", 0]);
});

const { bodyWindowMs, bodyWindowBytesMin, smallBodyBytesMax } = EDGE_LIMITS;

/** A body that a function reads as it comes; `faults` are what its request is refused for. */
function setUpFeed(t: TestContext) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const exchange = exchangeOf(1_000_000);
  const faults: string[] = [];
  const feed = feedBody(exchange, Infinity, ({ reason, detail }) => faults.push(`${reason}: ${detail}`));
  const send = (bytes: number) => exchange.request.emit("data", Buffer.alloc(bytes));
  return { exchange, faults, feed, send, wait: () => t.mock.timers.tick(bodyWindowMs) };
}

test("a body that comes too slowly for a function that waits for it ends its request, and one that comes on does not", (t) => {
  const { faults, feed, send, wait } = setUpFeed(t);
  wait();
  assert.deepEqual(faults, [], "nobody asked for it yet");
  feed.take(1);
  for (let window = 0; window < 20; window++) {
    send(bodyWindowBytesMin);
    wait();
  }
  assert.deepEqual(faults, []);
  send(bodyWindowBytesMin - 1);
  wait();
  assert.deepEqual(faults, ["request_malformed: The body did not arrive in time."]);
});

test("a body that nobody reads on, that is whole, or whose function has begun to answer, has all the time", (t) => {
  const unread = setUpFeed(t);
  unread.feed.take(1);
  unread.send(smallBodyBytesMax);
  unread.wait();
  assert.deepEqual(unread.faults, []);
  unread.feed.take(smallBodyBytesMax);
  unread.wait();
  assert.equal(unread.faults.length, 1, "it is read on again");

  t.mock.timers.reset();
  const whole = setUpFeed(t);
  whole.feed.take(1);
  whole.exchange.request.emit("end");
  whole.wait();
  assert.deepEqual(whole.faults, []);

  t.mock.timers.reset();
  const answered = setUpFeed(t);
  answered.feed.take(1);
  answered.exchange.writeHead(200, []);
  answered.exchange.response.flushHeaders();
  answered.wait();
  assert.deepEqual(answered.faults, []);
});

test("of a body that has arrived while nobody read on the rest is read all the same", (t) => {
  const { exchange, faults, feed, send, wait } = setUpFeed(t);
  feed.take(1);
  send(smallBodyBytesMax + 1);
  assert.equal(exchange.request.isPaused(), true);
  exchange.request.complete = true;
  feed.take(smallBodyBytesMax);
  assert.equal(exchange.request.isPaused(), false);
  wait();
  assert.deepEqual(faults, []);
});
