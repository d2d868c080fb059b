import { FORKS, JUDGED, NEWEST_KNOWN, REFUSED } from "./seccomp-calls.ts";

// The filter that the kernel runs before every system call of a sandbox: a program for classic BPF over struct seccomp_data
// (linux/seccomp.h): the call's number at 0, the architecture at 4, arguments of 64 bits from 16 on. bubblewrap installs it.

export interface FilterOptions {
  architecture: FilterArchitecture;
  /** Only for the build program, which starts esbuild. */
  mayFork: boolean;
}

export type FilterArchitecture = "x64" | "arm64";

type Instruction = readonly [code: number, ifTrue: number, ifFalse: number, value: number];

/** From this call number on, until the next run. */
interface Run {
  from: number;
  code: Instruction[];
}

const LOAD = 0x20;
const JUMP = 0x05;
const JUMP_IF_EQUAL = 0x15;
const JUMP_IF_AT_LEAST = 0x35;
const JUMP_IF_ANY_BIT = 0x45;
const RETURN = 0x06;
const JUMP_MAX = 255;

const NUMBER_AT = 0;
const ARCHITECTURE_AT = 4;
const argumentAt = (index: number) => 16 + index * 8;

const ALLOW: Instruction = [RETURN, 0, 0, 0x7fff_0000];
const KILL: Instruction = [RETURN, 0, 0, 0x8000_0000];
const fail = (errno: number): Instruction => [RETURN, 0, 0, 0x0005_0000 | errno];
const EPERM = 1;
const ENOSYS = 38;
const EAFNOSUPPORT = 97;

const AUDIT_ARCHITECTURE = { x64: 0xc000_003e, arm64: 0xc000_00b7 } as const;
const FAMILIES = { unix: 1, inet: 2, inet6: 10 } as const;
/** Pushing characters into a terminal that somebody else reads. */
const TERMINAL_REQUESTS = { TIOCSTI: 0x5412, TIOCLINUX: 0x541c } as const;
const CLONE_THREAD = 0x0001_0000;
/** CLONE_NEW…, but for CLONE_NEWTIME, which only clone3 and unshare take. */
const CLONE_NAMESPACES = 0x7e02_0000;

/** The program as the kernel takes it: 8 bytes an instruction. */
export function seccompFilter({ architecture, mayFork }: FilterOptions): Buffer {
  return encode([
    [LOAD, 0, 0, ARCHITECTURE_AT],
    [JUMP_IF_EQUAL, 1, 0, AUDIT_ARCHITECTURE[architecture]],
    KILL,
    [LOAD, 0, 0, NUMBER_AT],
    ...search(runsOf(verdicts(architecture, mayFork))),
  ]);
}

/** What happens to each call that is not simply allowed. */
function verdicts(architecture: FilterArchitecture, mayFork: boolean): Map<number, Instruction[]> {
  const found = new Map<number, Instruction[]>();
  const at = architecture === "x64" ? 0 : 1;
  const judge = (calls: Readonly<Record<string, readonly (number | null)[]>>, code: Instruction[]) => {
    for (const numbers of Object.values(calls)) {
      const number = numbers[at];
      if (typeof number === "number") found.set(number, code);
    }
  };
  judge(REFUSED, [fail(EPERM)]);
  if (!mayFork) judge(FORKS, [fail(EPERM)]);
  const { ioctl, socket, socketpair, clone, clone3 } = JUDGED;
  judge({ ioctl }, unlessEqual(1, Object.values(TERMINAL_REQUESTS), ALLOW, fail(EPERM)));
  judge({ socket, socketpair }, unlessEqual(0, Object.values(FAMILIES), fail(EAFNOSUPPORT), ALLOW));
  judge(
    { clone },
    mayFork ? ifAnyBit(CLONE_NAMESPACES, fail(EPERM), ALLOW) : ifAnyBit(CLONE_THREAD, ALLOW, fail(EPERM)),
  );
  // Its flags lie in memory, where no filter can read them. Libraries fall back to clone.
  judge({ clone3 }, [fail(ENOSYS)]);
  return found;
}

/** The argument's low half decides: the kernel reads no more of it. */
function unlessEqual(index: number, values: number[], otherwise: Instruction, equal: Instruction): Instruction[] {
  const tests = values.map((value, i): Instruction => [JUMP_IF_EQUAL, values.length - i, 0, value]);
  return [[LOAD, 0, 0, argumentAt(index)], ...tests, otherwise, equal];
}

function ifAnyBit(bits: number, then: Instruction, otherwise: Instruction): Instruction[] {
  return [[LOAD, 0, 0, argumentAt(0)], [JUMP_IF_ANY_BIT, 0, 1, bits], then, otherwise];
}

/** Covers all numbers without a gap: what has no verdict and is known is allowed. */
function runsOf(found: Map<number, Instruction[]>): Run[] {
  const runs: Run[] = [];
  for (let number = 0; number <= NEWEST_KNOWN + 1; number++) {
    const code = number > NEWEST_KNOWN ? [fail(ENOSYS)] : (found.get(number) ?? [ALLOW]);
    if (runs.at(-1)?.code.toString() !== code.toString()) runs.push({ from: number, code });
  }
  return runs;
}

/** A binary search: eight comparisons, whatever the call. Every run ends by itself. */
function search(runs: Run[]): Instruction[] {
  if (runs.length === 1) return runs[0]!.code;
  const half = runs.length >> 1;
  const below = search(runs.slice(0, half));
  const pivot = runs[half]!.from;
  const skip: Instruction[] =
    below.length <= JUMP_MAX
      ? [[JUMP_IF_AT_LEAST, below.length, 0, pivot]]
      : [
          [JUMP_IF_AT_LEAST, 0, 1, pivot],
          [JUMP, 0, 0, below.length],
        ];
  return [...skip, ...below, ...search(runs.slice(half))];
}

function encode(program: Instruction[]): Buffer {
  const bytes = Buffer.alloc(program.length * 8);
  for (const [i, [code, ifTrue, ifFalse, value]] of program.entries()) {
    bytes.writeUInt16LE(code, i * 8);
    bytes.writeUInt8(ifTrue, i * 8 + 2);
    bytes.writeUInt8(ifFalse, i * 8 + 3);
    bytes.writeUInt32LE(value >>> 0, i * 8 + 4);
  }
  return bytes;
}
