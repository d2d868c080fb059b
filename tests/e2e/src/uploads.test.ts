/** Code that cannot run, and archives that mean harm, are refused at upload; the function keeps what it had. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, test } from "node:test";
import { FunctionServiceService } from "@millrace/proto/control/v1/functions";
import { provision, uploadCode, uploadParts } from "./support/provision.ts";
import { testPlatform } from "./support/test-platform.ts";
import { patched, uint32, zipOf } from "./support/zips.ts";

const MIB = 1024 ** 2;
const GOOD = "export const handler = async () => ({ statusCode: 200 });\n";

const platform = await testPlatform();
const { rpc } = platform;
const { project } = await provision(rpc, { functions: { code: { code: GOOD } }, apis: {}, environments: [] });
const name = `${project}/functions/code`;

type Refusal = {
  readonly code: string;
  readonly reason: string;
  readonly message: string;
  readonly violations: readonly { readonly field: string; readonly description: string }[];
};

/** Uploads, expects a refusal in one line, and checks that the draft is what it was. */
async function refused(code: string | Uint8Array, filename: string, entry = ""): Promise<Refusal> {
  const before = await rpc.call(FunctionServiceService.getFunction, { name });
  const error = await uploadCode(rpc, name, { code, filename, entry }).then(
    () => assert.fail(`${filename} was accepted`),
    (thrown: unknown) => thrown as Refusal,
  );
  assert.equal(error.code, "invalid_argument", `${error.reason}: ${error.message}`);
  assert.ok(!error.message.includes("\n"), error.message);
  const after = await rpc.call(FunctionServiceService.getFunction, { name });
  assert.equal(after.code?.digest, before.code?.digest);
  assert.equal(after.etag, before.etag);
  return error;
}

const said = (error: Refusal): string =>
  [error.message, ...error.violations.map(({ field, description }) => `${field} ${description}`)].join("\n");

describe("code that cannot run is refused with file and line", () => {
  const broken: Record<string, [filename: string, code: string, says: RegExp]> = {
    "a syntax error": ["index.mjs", "const a = 1;\nexport const handler = async ( => {};\n", /index\.mjs:2\b/],
    "a syntax error in TypeScript": ["index.ts", "export async function handler() {\n  return {\n}\n", /index\.ts:\d/],
    "an import of what is not there": [
      "index.mjs",
      'import x from "./missing.mjs";\nexport const handler = x;\n',
      /index\.mjs:1\b.*missing\.mjs/,
    ],
    "a package that was not uploaded": [
      "index.mjs",
      '\nimport express from "express";\nexport const handler = express;\n',
      /index\.mjs:2\b.*express/,
    ],
    "an error while loading": [
      "index.mjs",
      'export const handler = async () => {};\nthrow new Error("not today");\n',
      /index\.mjs:2\b.*not today/,
    ],
    "no handler": ["index.mjs", "export const other = 1;\n", /handler/],
    "a handler that is no function": ["index.mjs", "export const handler = 7;\n", /handler/],
    "nothing at all": ["index.mjs", "", /index\.mjs|empty/],
    "an import of a file of the machine": [
      "index.mjs",
      'import text from "/etc/passwd";\nexport const handler = async () => text;\n',
      /index\.mjs:1\b/,
    ],
    "a loop while loading": ["index.mjs", "export const handler = async () => {};\nfor (;;) {}\n", /within 10000 ms/],
  };
  for (const [title, [filename, code, says]] of Object.entries(broken)) {
    test(title, async () => {
      const error = await refused(code, filename);
      assert.equal(error.reason, "code_invalid", error.message);
      assert.match(said(error), says);
      assert.doesNotMatch(said(error), /root:x:0|\/work\/|\/var\/lib|\/tmp\/millrace/);
    });
  }

  test("a syntax error in a file of an archive", async () => {
    const zip = await zipOf({ "index.mjs": 'export * from "./lib/pets.mjs";\n', "lib/pets.mjs": "\n\nlet let = 1;\n" });
    const error = await refused(zip, "code.zip");
    assert.equal(error.reason, "code_invalid");
    assert.match(said(error), /lib\/pets\.mjs:3\b/);
  });

  test("an archive without an entry, and one whose named entry is missing", async () => {
    const zip = await zipOf({ "readme.txt": "no code" });
    assert.match(said(await refused(zip, "code.zip")), /index|entry/);
    assert.match(said(await refused(zip, "code.zip", "main.mjs")), /main\.mjs/);
  });
});

describe("a hostile archive is refused", () => {
  async function refusedArchive(zip: Buffer, says: RegExp): Promise<void> {
    const error = await refused(zip, "code.zip");
    assert.ok(["archive_refused", "upload_too_large"].includes(error.reason), `${error.reason}: ${error.message}`);
    assert.match(said(error), says);
  }

  for (const evil of ["../evil.mjs", "/etc/evil.mj", "a/../../b.mj", "..\\evil.mjs", "C:\\evil.mjs"]) {
    test(`that writes outside of its folder: ${evil}`, async () => {
      const innocent = "x".repeat(evil.length);
      const zip = await zipOf({ "index.mjs": GOOD, [innocent]: GOOD });
      await refusedArchive(patched(zip, innocent, evil), /path|name|outside/i);
    });
  }

  test("that holds a symbolic link", async () => {
    const zip = await zipOf({ "index.mjs": GOOD }, { symlinks: { "link.mjs": "/etc/passwd" } });
    await refusedArchive(zip, /link\.mjs.*link|symbolic link.*link\.mjs/i);
  });

  test("that unpacks to far more than it is", async () => {
    const zip = await zipOf({ "index.mjs": GOOD, "zeros.bin": Buffer.alloc(64 * MIB) });
    assert.ok(zip.length < MIB, "the bomb is small");
    await refusedArchive(zip, /zeros\.bin|unpack|size|ratio/i);
  });

  test("that lies about what it unpacks to", async () => {
    const zip = await zipOf({ "index.mjs": GOOD, "zeros.bin": Buffer.alloc(64 * MIB) });
    await refusedArchive(patched(zip, uint32(64 * MIB), uint32(10)), /zeros\.bin|unpack|size|ratio/i);
  });

  test("that has too many files", async () => {
    const many = Object.fromEntries(Array.from({ length: 20_001 }, (_, index) => [`f/${index}.txt`, ""]));
    await refusedArchive(await zipOf({ "index.mjs": GOOD, ...many }), /20[,_ ]?000|entries|files/);
  });

  test("that has one name twice, in whatever case", async () => {
    const zip = await zipOf({ "index.mjs": GOOD, "a.mjs": GOOD, "b.mjs": GOOD });
    await refusedArchive(patched(zip, "b.mjs", "a.mjs"), /a\.mjs/);
  });

  test("that is cut short, and that is no archive at all", async () => {
    const zip = await zipOf({ "index.mjs": GOOD });
    await refusedArchive(zip.subarray(0, zip.length - 20), /archive|zip/i);
    await refusedArchive(randomBytes(5_000), /archive|zip/i);
  });
});

describe("the upload itself", () => {
  test("is refused over 50 MB before all of it is taken", async () => {
    let sent = 0;
    function* endless() {
      yield* uploadParts({ name, filename: "big.zip", entry: "", etag: "" }, "");
      const chunk = randomBytes(64 * 1024);
      for (; sent < 200 * MIB; sent += chunk.length) yield { part: { $case: "chunk" as const, value: chunk } };
    }
    await assert.rejects(rpc.stream(FunctionServiceService.uploadCode, endless(), { timeoutMs: 60_000 }), {
      code: "invalid_argument",
      reason: "upload_too_large",
    });
    assert.ok(sent < 100 * MIB, `${sent} bytes were taken`);
  });

  test("of another kind of file, without a header, and with the header twice, is refused by the field", async () => {
    assert.match((await refused("print(1)", "main.py")).message, /filename/);
    const chunk = { part: { $case: "chunk" as const, value: Buffer.from(GOOD) } };
    const [header] = uploadParts({ name, filename: "index.mjs", entry: "", etag: "" }, "");
    for (const parts of [[], [chunk], [header!, header!]]) {
      await assert.rejects(rpc.stream(FunctionServiceService.uploadCode, parts), {
        code: "invalid_argument",
        message: /header|part/,
      });
    }
  });

  test("with an etag that is not current is refused, so that nobody overwrites another's work", async () => {
    const parts = uploadParts({ name, filename: "index.mjs", entry: "", etag: "stale" }, GOOD);
    await assert.rejects(rpc.stream(FunctionServiceService.uploadCode, parts), {
      code: "aborted",
      reason: "etag_mismatch",
    });
  });

  test("of a project that is not one's own is not_found, before any code is taken", async () => {
    const foreign = name.replace(project, "projects/somebody-else");
    const parts = uploadParts({ name: foreign, filename: "index.mjs", entry: "", etag: "" }, GOOD);
    await assert.rejects(rpc.stream(FunctionServiceService.uploadCode, parts), { code: "not_found" });
  });

  test("of good code still works after all that", async () => {
    const zip = await zipOf({ "index.mjs": 'export * from "./pets.mjs";\n', "pets.mjs": GOOD, "data.json": "{}" });
    const made = await uploadCode(rpc, name, { code: zip, filename: "code.zip" });
    assert.deepEqual(made.code?.exports, ["handler"]);
  });
});
