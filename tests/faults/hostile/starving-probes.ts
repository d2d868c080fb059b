/** Code that wants everything: memory, threads, descriptors, time; and code that cannot be stopped from within its process. */
import { ANYTHING_DOCUMENTED, type Probe, type Probes, type Told } from "./probe.ts";

const OUT = ["function_out_of_memory", "instance_lost"] as const;

const hungry = (code: string, told: readonly Told[] = OUT, timeoutMs = 20_000): Probe => ({ code, told, timeoutMs });

/** A thread that answers nobody: its caller is told after the time that the function has, and everybody else goes on. */
const deaf = (code: string): Probe => ({ code, told: ["function_timeout"], timeoutMs: 500 });

const HANG = "await new Promise(() => {});";

export const DYING_PROBES: Probes = {
  "ends its thread": hungry("process.exit(7);", ["function_error"]),
  "ends its thread past all listeners": hungry("process.reallyExit(7);", ["function_error"]),
  aborts: hungry(`return attempt(() => process.abort());`, ["answer", "function_error", "instance_lost"]),
  "kills its process": hungry(`process.kill(process.pid, "SIGKILL"); ${HANG}`, ["instance_lost"]),
  "terminates its process": hungry(`process.kill(process.pid, "SIGTERM"); ${HANG}`, ["instance_lost"]),
  "crashes its process": hungry(`process.kill(process.pid, "SIGSEGV"); ${HANG}`, ["instance_lost"]),
  "stops its process": {
    code: `process.kill(process.pid, "SIGSTOP"); ${HANG}`,
    told: ["function_timeout", "instance_lost"],
    timeoutMs: 500,
  },
  "crashes V8 with its natives": hungry(
    `v8.setFlagsFromString("--allow-natives-syntax"); new Function("%SystemBreak()")(); ${HANG}`,
    ["instance_lost", "function_error", "function_timeout"],
    1_000,
  ),
  "takes the stack's guard away": hungry(
    `v8.setFlagsFromString("--stack-size=900000"); await pause(10); workers.isMainThread; const deep = (n) => [n].map(() => deep(n + 1)); deep(0);`,
    ["instance_lost", "function_error", "function_out_of_memory"],
  ),
  "does not let itself be ended": hungry(
    `process.on("exit", () => { for (;;); }); process.exit(1);`,
    ["function_error", "function_timeout", "instance_lost"],
    500,
  ),
  "swallows every error and stays": hungry(
    `process.on("uncaughtException", () => {}); setTimeout(() => { throw new Error("swallowed"); }); ${HANG}`,
    ["function_timeout"],
    500,
  ),
  "rejects and never answers": hungry(
    `for (let count = 0; count < 1e4; count++) Promise.reject(new Error("nobody")); ${HANG}`,
    ["function_timeout"],
    500,
  ),
  "closes its port and stays": hungry(
    `workers.parentPort?.close(); setInterval(() => {}, 10); ${HANG}`,
    ["function_timeout"],
    500,
  ),
};

export const HUNGRY_PROBES: Probes = {
  "fills its heap with objects": hungry("const kept = []; for (;;) kept.push({ kept: [kept.length] });"),
  "grows one array": hungry("const kept = []; for (;;) kept.push(kept.length, 1.5);", [...OUT, "function_error"]),
  "catches that it has no memory left": hungry(
    "const kept = []; for (;;) try { for (;;) kept.push(new Array(1e5).fill(kept)); } catch {}",
  ),
  "makes bytes of one long text": hungry(
    `const text = "x".repeat(2 ** 28); const kept = []; for (let count = 0; count < 16; count++) kept.push(Buffer.from(text)); return kept.join("").indexOf("y");`,
    [...OUT, "function_error", "answer"],
  ),
  "takes 3 GiB of buffers": hungry(
    "const kept = []; for (let count = 0; count < 24; count++) { kept.push(new Uint8Array(128 * 2 ** 20).fill(1)); await pause(20); }",
    [...OUT, "function_error"],
  ),
  "takes 3 GiB of buffers at once": hungry(
    "const kept = []; for (let count = 0; count < 24; count++) kept.push(new Uint8Array(128 * 2 ** 20).fill(1)); await pause(1_000);",
    [...OUT, "function_error"],
  ),
  "opens files until there are none": hungry(
    `const kept = []; const refusal = await attempt(() => { for (;;) kept.push(fs.openSync(temporary + "/f", "w")); }); for (const fd of kept) fs.closeSync(fd); return [kept.length < 1_000, refusal];`,
    ["answer", "function_error", "instance_lost", "function_timeout"],
  ),
  "opens sockets until there are none": hungry(
    `const kept = []; const server = net.createServer(); const refusal = await attempt(async () => {
       for (;;) kept.push(await new Promise((resolve, reject) => { const one = net.createServer().on("error", reject).listen(temporary + "/s" + kept.length, () => resolve(one)); }));
     }); for (const one of kept) one.close(); return refusal;`,
    ANYTHING_DOCUMENTED,
  ),
  "starts a hundred threads": hungry(
    `return each(Array.from({ length: 100 }, (_, at) => at), () => new workers.Worker("setInterval(() => {}, 10)", { eval: true, execArgv: [] }));`,
    ["answer"],
  ),
  "floods the threads that do computation": hungry(
    `for (let count = 0; count < 256; count++) crypto.pbkdf2("a", "b", 2 ** 31 - 1, 64, "sha512", () => {}); await fs.promises.stat(temporary); return "early";`,
    ["function_timeout"],
    500,
  ),
  "floods the main thread with messages": hungry(
    `const bytes = new Uint8Array(2 ** 20); for (const until = Date.now() + 1_500; Date.now() < until; ) workers.parentPort?.postMessage(bytes); return "flooded";`,
    ANYTHING_DOCUMENTED,
  ),
  "floods the main thread with small messages": hungry(
    `for (const until = Date.now() + 1_500; Date.now() < until; ) workers.parentPort?.postMessage(1); return "flooded";`,
    ANYTHING_DOCUMENTED,
  ),
  "keeps a million timers": hungry(
    `for (let count = 0; count < 1e6; count++) setInterval(() => {}, 1); ${HANG}`,
    ["function_timeout", "function_out_of_memory", "instance_lost"],
    1_000,
  ),
  "keeps its loop from turning": hungry(
    "const again = () => setImmediate(again); for (let count = 0; count < 1e3; count++) again(); const tick = () => process.nextTick(tick); tick();",
    ["answer", "function_timeout"],
    500,
  ),
};

/** What V8 does not count; the process is looked at from outside. */
export const UNCOUNTED_PROBES: Probes = {
  "takes 2 GiB for WebAssembly": hungry(
    "const kept = []; for (let count = 0; count < 8; count++) { kept.push(new Uint8Array(new WebAssembly.Memory({ initial: 4_096 }).buffer).fill(1)); await pause(20); } await pause(1_000);",
    [...OUT, "function_error"],
  ),
  "grows a memory of WebAssembly": hungry(
    "const memory = new WebAssembly.Memory({ initial: 1, maximum: 65_536 }); for (;;) { memory.grow(1_024); new Uint8Array(memory.buffer).fill(1); await pause(5); }",
    [...OUT, "function_error"],
  ),
  "takes memory that threads share": hungry(
    "const kept = []; for (let count = 0; count < 32; count++) { kept.push(new Uint8Array(new SharedArrayBuffer(64 * 2 ** 20)).fill(1)); await pause(20); } await pause(1_000);",
    [...OUT, "function_error"],
  ),
};

export const DEAF_PROBES: Probes = {
  "loops for ever": deaf("for (;;);"),
  "loops in microtasks": deaf("const again = () => queueMicrotask(again); again(); await new Promise(() => {});"),
  "backtracks for ever": deaf(`/^(a+)+$/.test("a".repeat(40) + "b");`),
  "waits on shared memory": deaf("Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);"),
  "loops in WebAssembly": deaf(
    `new WebAssembly.Instance(new WebAssembly.Module(Buffer.from("0061736d01000000010401600000030201000707010372756e00000a0901070003400c000b0b", "hex"))).exports.run();`,
  ),
  "computes towers of numbers": deaf("let tower = 3n; for (;;) tower **= 3n;"),
  "parses brackets for ever": deaf(`const text = "[".repeat(3e6); for (;;) try { JSON.parse(text); } catch {}`),
  "normalises text for ever": deaf(`const text = "\\u1e9b\\u0323".repeat(4e6); for (;;) text.normalize("NFKD");`),
  "fills a large array for ever": {
    ...deaf("const bytes = new Uint8Array(2 ** 32 - 1); for (;;) bytes.fill(1);"),
    told: ["function_timeout", ...OUT, "function_error"],
  },
  "searches an array with holes": deaf("Array.prototype.includes.call({ length: 2 ** 53 - 1 }, 1);"),
  "derives a key for ever": deaf(`crypto.pbkdf2Sync("a", "b", 2 ** 31 - 1, 64, "sha512");`),
  "looks for a prime for ever": deaf("crypto.generatePrimeSync(8_192, { safe: true });"),
  "reads what nobody writes": deaf(
    "const [fd] = process.getBuiltinModule('node:fs').readdirSync(temporary); fs.readSync(0, Buffer.alloc(1)); for (;;);",
  ),
  "sorts with a comparison that never agrees": deaf(
    "for (;;) Array.from({ length: 1e6 }, Math.random).sort(() => Math.random() - 0.5);",
  ),
  "compresses for ever": deaf(
    `const zlib = process.getBuiltinModule("node:zlib"); const bytes = Buffer.alloc(2 ** 26); for (;;) zlib.brotliCompressSync(bytes);`,
  ),
};
