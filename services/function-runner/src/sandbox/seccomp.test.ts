import assert from "node:assert/strict";
import { test } from "node:test";
import { seccompFilter } from "./seccomp.ts";
import { FORKS, JUDGED, NEWEST_KNOWN, REFUSED } from "./seccomp-calls.ts";

const ALLOWED = "allowed";
const ARCHITECTURES = [
  { architecture: "x64", audit: 0xc000_003e, at: 0 },
  { architecture: "arm64", audit: 0xc000_00b7, at: 1 },
] as const;

/** Runs a program as the kernel would: linux/bpf_common.h, as far as filters use it. Throws where the kernel would refuse the program. */
function verdictOf(filter: Buffer, data: { number: number; audit: number; arguments?: number[] }): string {
  const input = Buffer.alloc(64);
  input.writeUInt32LE(data.number, 0);
  input.writeUInt32LE(data.audit, 4);
  for (const [i, value] of (data.arguments ?? []).entries()) input.writeBigUInt64LE(BigInt(value), 16 + i * 8);
  let loaded = 0;
  for (let at = 0; ; at++) {
    assert.ok(at * 8 < filter.length, "the program runs past its end");
    const [code, ifTrue, ifFalse, value] = [
      filter.readUInt16LE(at * 8),
      filter.readUInt8(at * 8 + 2),
      filter.readUInt8(at * 8 + 3),
      filter.readUInt32LE(at * 8 + 4),
    ];
    if (code === 0x20) loaded = input.readUInt32LE(value);
    else if (code === 0x05) at += value;
    else if (code === 0x15) at += loaded === value ? ifTrue : ifFalse;
    else if (code === 0x35) at += loaded >= value ? ifTrue : ifFalse;
    else if (code === 0x45) at += (loaded & value) !== 0 ? ifTrue : ifFalse;
    else if (code === 0x06) return nameOf(value);
    else assert.fail(`no such instruction: ${code}`);
  }
}

function nameOf(verdict: number): string {
  if (verdict === 0x7fff_0000) return ALLOWED;
  return verdict === 0x8000_0000 ? "killed" : `errno ${verdict & 0xffff}`;
}

for (const { architecture, audit, at } of ARCHITECTURES) {
  for (const mayFork of [false, true]) {
    const filter = seccompFilter({ architecture, mayFork });
    const ask = (number: number, ...args: number[]) => verdictOf(filter, { number, audit, arguments: args });

    test(`${architecture}, ${mayFork ? "builds" : "functions"}: each call has the verdict of the table`, () => {
      const numbersOf = (calls: object) => Object.values(calls).map((numbers: (number | null)[]) => numbers[at]);
      const refused = new Set(numbersOf({ ...REFUSED, ...(mayFork ? {} : FORKS) }));
      const judged = new Set(numbersOf(JUDGED));
      for (let number = 0; number <= NEWEST_KNOWN; number++) {
        if (!judged.has(number)) assert.equal(ask(number), refused.has(number) ? "errno 1" : ALLOWED, `call ${number}`);
      }
    });

    test(`${architecture}, ${mayFork ? "builds" : "functions"}: arguments decide`, () => {
      const [ioctl, socket, socketpair, clone, clone3] = Object.values(JUDGED).map((numbers) => numbers[at]!) as [
        number,
        number,
        number,
        number,
        number,
      ];
      assert.deepEqual([ask(socketpair, 1), ask(socketpair, 30)], [ALLOWED, "errno 97"]);
      for (const family of [1, 2, 10]) assert.equal(ask(socket, family), ALLOWED, `family ${family}`);
      for (const family of [0, 3, 16, 17, 38, 40]) assert.equal(ask(socket, family), "errno 97", `family ${family}`);
      assert.equal(ask(socket, 2 ** 32 + 16), "errno 97", "the kernel reads the low half only");
      for (const request of [0x5412, 0x541c]) assert.equal(ask(ioctl, 0, request), "errno 1");
      assert.equal(ask(ioctl, 0, 0x5401), ALLOWED);
      const thread = 0x3d0f00;
      assert.equal(ask(clone, thread), ALLOWED);
      assert.equal(ask(clone, 0x01200011), mayFork ? ALLOWED : "errno 1", "a process");
      assert.equal(ask(clone, 0x10000000 | 17), "errno 1", "a user namespace");
      assert.equal(ask(clone3), "errno 38");
    });
  }

  test(`${architecture}: calls that nobody knew do not exist, and another architecture's kill`, () => {
    const filter = seccompFilter({ architecture, mayFork: false });
    for (const number of [NEWEST_KNOWN + 1, 500, 0x4000_0000, 0xffff_ffff]) {
      assert.equal(verdictOf(filter, { number, audit }), "errno 38");
    }
    const other = audit === 0xc000_003e ? 0xc000_00b7 : 0xc000_003e;
    assert.equal(verdictOf(filter, { number: 0, audit: other }), "killed");
    // The instructions of 32 bits on the same machine.
    assert.equal(verdictOf(filter, { number: 0, audit: 0x4000_0003 }), "killed");
  });
}
