import assert from "node:assert/strict";
import { test } from "node:test";
import { Meter } from "./meter.ts";

function spin(ms: number): void {
  const endsAt = performance.now() + ms;
  while (performance.now() < endsAt);
}

test("a call alone is charged all that its thread spends, and nothing of what was spent before", () => {
  const meter = new Meter();
  spin(30);
  const mark = meter.begin();
  spin(20);
  const { cpuUs, shared, coreUs } = meter.end(mark);
  assert.ok(cpuUs > 0 && cpuUs < 25_000, `${cpuUs} us`);
  assert.deepEqual([shared, coreUs], [false, cpuUs]);
});

test("calls beside each other share what is spent while both are open, and know that they did", () => {
  const meter = new Meter();
  const first = meter.begin();
  spin(20);
  const second = meter.begin();
  spin(20);
  const secondDone = meter.end(second);
  const firstDone = meter.end(first);
  assert.ok(firstDone.cpuUs > secondDone.cpuUs * 1.2, `${firstDone.cpuUs} us and ${secondDone.cpuUs} us`);
  const whole = firstDone.coreUs + secondDone.coreUs;
  assert.ok(Math.abs(firstDone.cpuUs + secondDone.cpuUs - whole) < 2, "nothing is charged twice, nothing is lost");
  assert.deepEqual([firstDone.shared, secondDone.shared], [true, true]);
  assert.equal(meter.end(meter.begin()).shared, false);
});

test("a meter's reading costs a call less than two microseconds", () => {
  const meter = new Meter();
  for (let i = 0; i < 20_000; i++) meter.end(meter.begin());
  const took: number[] = [];
  for (let round = 0; round < 20; round++) {
    const { user, system } = process.threadCpuUsage();
    for (let i = 0; i < 2_000; i++) meter.end(meter.begin());
    const after = process.threadCpuUsage();
    took.push((after.user + after.system - user - system) / 2_000);
  }
  assert.ok(Math.min(...took) < 2, `${Math.min(...took)} us`);
});
