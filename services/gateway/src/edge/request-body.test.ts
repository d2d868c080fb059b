import assert from "node:assert/strict";
import { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";
import { test } from "node:test";
import { Exchange } from "./exchange.ts";
import { BodyBudget, readWholeBody } from "./request-body.ts";
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
