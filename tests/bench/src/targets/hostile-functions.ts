// Functions that take what they can get, as projects have them by mistake or on purpose; each is called again and again.

export interface HostileFunction {
  code: string;
  /** Calls at a time. */
  callers: number;
  timeoutMs: number;
}

const fetching = (prelude: string, body: string): string =>
  `${prelude}\nexport default { async fetch() { ${body} return new Response("done"); } };`;

const handling = (prelude: string, body: string): string =>
  `${prelude}\nexport const handler = async () => { ${body} return { statusCode: 200, body: "done" }; };`;

const SPIN_MS = 300;
const FS = `import fs from "node:fs";`;

export const HOSTILE_FUNCTIONS: Readonly<Record<string, HostileFunction>> = {
  "computes in every instance": {
    code: handling("", `for (const until = performance.now() + ${SPIN_MS}; performance.now() < until; );`),
    callers: 16,
    timeoutMs: 10_000,
  },
  "backtracks until it is ended": {
    code: handling("", `/^(a+)+$/.test("a".repeat(64) + "b");`),
    callers: 4,
    timeoutMs: 500,
  },
  "fills its memory until it is ended": {
    code: handling("", "const kept = []; for (;;) kept.push({ kept: [kept.length] });"),
    callers: 4,
    timeoutMs: 10_000,
  },
  "floods the threads that encrypt": {
    code: fetching(
      `import { pbkdf2 } from "node:crypto";`,
      `await Promise.all(Array.from({ length: 64 }, () => new Promise((done) => pbkdf2("a", "b", 50_000, 64, "sha512", done))));`,
    ),
    callers: 4,
    timeoutMs: 20_000,
  },
  "prints without end": {
    code: fetching("", `for (let line = 0; line < 20_000; line++) console.log("line", line, "x".repeat(100));`),
    callers: 8,
    timeoutMs: 10_000,
  },
  "answers with 16 MiB": {
    code: `const bytes = new Uint8Array(16 * 2 ** 20); export default { fetch: () => new Response(bytes) };`,
    callers: 2,
    timeoutMs: 10_000,
  },
  "fills its disk, and empties it": {
    code: handling(
      FS,
      `const folder = fs.mkdtempSync(process.env.TMPDIR + "/fill-");
       try { for (let at = 0; at < 16; at++) fs.writeFileSync(folder + "/" + at, Buffer.alloc(4 * 2 ** 20, 1)); } finally { fs.rmSync(folder, { recursive: true }); }`,
    ),
    callers: 4,
    timeoutMs: 10_000,
  },
  "kills its sandbox": {
    code: handling("", `process.kill(process.pid, "SIGKILL"); await new Promise(() => {});`),
    callers: 2,
    timeoutMs: 2_000,
  },
};
