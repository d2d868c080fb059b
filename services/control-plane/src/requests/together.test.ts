import assert from "node:assert/strict";
import { test } from "node:test";
import { Together } from "./together.ts";

function setting() {
  const together = new Together<number>();
  const made: PromiseWithResolvers<number>[] = [];
  const ask = (key = "a") =>
    together.ask(key, () => {
      const one = Promise.withResolvers<number>();
      made.push(one);
      return one.promise;
    });
  return { made, ask };
}

test("many who ask while an answer is made share the one that is made after it", async () => {
  const { made, ask } = setting();
  const first = ask();
  const others = Array.from({ length: 100 }, () => ask());
  assert.equal(made.length, 1);
  made[0]!.resolve(1);
  assert.equal(await first, 1);
  const late = ask();
  assert.equal(made.length, 2);
  made[1]!.resolve(2);
  assert.deepEqual(await Promise.all(others), Array(100).fill(2));
  made[2]!.resolve(3);
  assert.equal(await late, 3);
  assert.equal(made.length, 3);
});

test("an answer that fails fails those who share it alone, and keys wait for nobody else's", async () => {
  const { made, ask } = setting();
  const [first, second, other] = [ask(), ask(), ask("b")];
  assert.equal(made.length, 2);
  made[1]!.resolve(7);
  assert.equal(await other, 7);
  made[0]!.reject(new Error("away"));
  await assert.rejects(first, /away/);
  made[2]!.resolve(2);
  assert.equal(await second, 2);
  const again = ask();
  made[3]!.resolve(4);
  assert.equal(await again, 4);
});
