import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable, Writable } from "node:stream";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { ERROR_CODES, type ErrorCode, invalidFields, PlatformError } from "@millrace/errors";
import { Option } from "commander";
import { type Registry, runCommandLine } from "./command-line.ts";
import { folderWith, run, writePlatformFile } from "./command-line-fixture.ts";
import { exitCodeOf } from "./exit-codes.ts";
import { failureOf } from "./output/failure.ts";
import { fieldsText, tableText } from "./output/table.ts";

const BIN = fileURLToPath(new URL("../bin/millrace.mjs", import.meta.url));

test("exit codes tell wrong use, what is missing, refusals and outages apart", () => {
  const codes = (Object.keys(ERROR_CODES) as ErrorCode[]).map((code) => [
    code,
    exitCodeOf(new PlatformError(code, "", { reason: "some_reason" })),
  ]);
  const others = Object.fromEntries(codes.filter(([, exitCode]) => exitCode !== 1));
  assert.deepEqual(others, {
    not_found: 3,
    permission_denied: 4,
    unauthenticated: 4,
    unavailable: 5,
    deadline_exceeded: 5,
  });
  assert.equal(exitCodeOf(new PlatformError("invalid_argument", "", { reason: "request_invalid" })), 2);
});

for (const [title, argv, message] of [
  ["an unknown command", ["deploi"], "unknown command 'deploi' (Did you mean deploy?)"],
  ["an unknown option", ["function", "list", "--all"], "unknown option '--all'"],
  ["a missing argument", ["function", "get"], "missing required argument 'id'"],
  ["a missing option", ["release", "list", "--group", "g"], "required option '-e, --env <environment>' not specified"],
  [
    "an environment that does not exist",
    ["release", "list", "-g", "g", "-e", "live"],
    "option '-e, --env <environment>' argument 'live' is invalid. Allowed choices are test, preview, online.",
  ],
  [
    "a number out of bounds",
    ["function", "create", "f", "--memory-mib", "4"],
    "option '--memory-mib <n>' argument '4' is invalid. It must be a whole number from 128 to 1024.",
  ],
  [
    "a place to connect to without a port",
    ["function", "create", "f", "--egress", "db.example.com"],
    "option '--egress <policy>' argument 'db.example.com' is invalid. It must be none, http, or a list of host:port, *.name:port and [address]:port.",
  ],
  [
    "one argument too many",
    ["project", "list", "all"],
    "too many arguments for 'list'. Expected 0 arguments but got 1: all.",
  ],
] as const) {
  test(`${title} is wrong use, said in one line with the usage`, async (t) => {
    const text = await run(folderWith(t, {}), argv);
    assert.deepEqual([text.exitCode, text.stdout, text.stderr.trimEnd().split("\n").length], [2, "", 1]);
    assert.ok(text.stderr.startsWith(`error: ${message}`), text.stderr);
    assert.equal(text.stderr.includes(` (usage: millrace ${argv[0]} ${argv[1]} `), argv.length > 1);
    const json = await run(folderWith(t, {}), [...argv, "--output", "json"]);
    assert.deepEqual([json.exitCode, json.stdout, JSON.parse(json.stderr).message], [2, "", message]);
  });
}

test("without a platform there is one line that says what to do", async (t) => {
  const { exitCode, stderr } = await run(folderWith(t, {}), ["whoami"]);
  assert.equal(exitCode, 4);
  assert.match(stderr, /^error: You are not signed in; run millrace login.* \(credential_missing\)\n$/);
});

test("a platform that does not answer has its exit code, and its address in the error", async (t) => {
  const home = folderWith(t, {});
  writePlatformFile(home, { auth: "127.0.0.1:9" });
  const { exitCode, stderr } = await run(home, ["whoami", "-o", "json"]);
  assert.equal(exitCode, 5);
  assert.equal(JSON.parse(stderr).reason, "platform_unavailable");
});

test("a platform that was stopped does not answer, and nobody is told to sign in", async (t) => {
  const home = folderWith(t, { ".millrace/ports.json": "{}", "below/a.txt": "" });
  const near = await run(home, ["whoami"]);
  assert.equal(near.exitCode, 5);
  assert.match(
    near.stderr,
    /^error: The platform in .*\.millrace does not run; npm start starts it.* \(platform_unavailable\)\n$/,
  );
  const env = { MILLRACE_PLATFORM_FILE: join(home, ".millrace/platform.json") };
  assert.equal((await run(join(home, "below"), ["project", "list"])).exitCode, 5);
  assert.equal((await run(folderWith(t, {}), ["whoami"], { env })).exitCode, 5);
  writePlatformFile(home, {});
  assert.match((await run(home, ["whoami"])).stderr, /auth at 127\.0\.0\.1:9 does not answer/);
});

test("a project that is not there is said to be one that was named, or one that is meant when none is", async (t) => {
  const home = folderWith(t, {});
  const show = (argv: string[], id: string) => {
    const register = (registry: Registry) =>
      registry.command({
        usage: "show",
        description: "",
        run: async () => {
          throw new PlatformError("not_found", `There is no project ${id}.`, { reason: "project_not_found" });
        },
      });
    const [stdout, stderr] = [new Text(), new Text()];
    const terminal = { argv, env: {}, cwd: home, home, stdin: Readable.from([]), stdout, stderr };
    return runCommandLine(terminal, { version: "1", register }).then((exitCode) => [exitCode, stderr.text] as const);
  };
  writePlatformFile(home, {});
  const [exitCode, unnamed] = await show(["show"], "default");
  assert.equal(exitCode, 3);
  assert.match(
    unnamed,
    /^error: There is no project default\. It is meant when none is named: name one with --project; /,
  );
  const [, named] = await show(["show", "-p", "lab"], "lab");
  assert.match(
    named,
    /^error: There is no project lab\. .*millrace project create lab makes it\. \(project_not_found\)\n$/,
  );
  const [, asked] = await show(["show"], "another");
  assert.equal(asked, "error: There is no project another. (project_not_found)\n");
});

test("a fault of a request is named by the option that was given, else by its field", async (t) => {
  const home = folderWith(t, {});
  const register = (registry: Registry) =>
    registry.command({
      usage: "make",
      description: "",
      options: [new Option("--http <url>"), new Option("--path <path>")],
      run: async () => {
        throw invalidFields([
          { field: "environment_backend.http.url", description: "must be a URL" },
          { field: "definition.path", description: "must be one" },
        ]);
      },
    });
  const [stdout, stderr] = [new Text(), new Text()];
  const argv = ["make", "--http", "shop"];
  const terminal = { argv, env: {}, cwd: home, home, stdin: Readable.from([]), stdout, stderr };
  assert.equal(await runCommandLine(terminal, { version: "1", register }), 2);
  assert.equal(stderr.text, "error: --http: must be a URL; definition.path: must be one\n");
});

test("tables align by width, keep the lines of a value and lose trailing space and control characters", () => {
  assert.equal(
    tableText(
      ["id", "name"],
      [
        ["a", "first"],
        ["long id", ""],
        ["b", "red \u001b[31m"],
      ],
    ),
    ["ID       NAME", "a        first", "long id", "b        red \ufffd[31m"].join("\n"),
  );
  assert.equal(
    fieldsText([
      ["id", "a"],
      ["empty", ""],
      ["long name", "b"],
    ]),
    "id         a\nlong name  b",
  );
  const event = fieldsText([
    ["id", "a"],
    ["event", '{\n  "a": 1\n}\n'],
    ["after", "b\u001b[2J"],
  ]);
  assert.equal(event, 'id     a\nevent  {\n         "a": 1\n       }\nafter  b\ufffd[2J');
});

test("what came from a server does not steer the terminal, whichever way it is shown", async (t) => {
  const steering = "\u001b]0;owned\u0007\u009b2J";
  const error = new PlatformError("invalid_argument", `bad ${steering}`, {
    reason: "code_invalid",
    violations: [{ field: `a${steering}.js:1:1`, description: `no ${steering}` }],
    metadata: { key: steering },
  });
  const clean = /^[^\p{Cc}]*$/u;
  for (const line of failureOf(error, false).text.split("\n")) assert.match(line, clean);
  assert.match(failureOf(error, true).text, clean);
  const folder = folderWith(t, {});
  const terminal = { stdout: new Text(), stderr: new Text(), argv: ["show"], env: {}, cwd: folder, home: folder };
  const register = (registry: Registry) =>
    registry.command({
      usage: "show",
      description: "",
      run: async (context) => {
        context.say(`said ${steering}`);
        return { json: { text: steering }, text: `one ${steering}\ntwo` };
      },
    });
  for (const argv of [["show"], ["show", "-o", "json"]]) {
    await runCommandLine({ ...terminal, argv, stdin: Readable.from([]) }, { version: "1", register });
  }
  for (const line of terminal.stdout.text.split("\n")) assert.match(line, clean);
});

class Text extends Writable {
  text = "";

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

test("the program starts by its link, prints its version, and passes its exit code on", (t) => {
  const folder = folderWith(t, {});
  mkdirSync(join(folder, "bin"));
  symlinkSync(BIN, join(folder, "bin/millrace"));
  const output = execFileSync(process.execPath, [join(folder, "bin/millrace"), "--version"], { encoding: "utf8" });
  assert.match(output, /^\d+\.\d+\.\d+\n$/);
  const failed = spawnSync(process.execPath, [BIN, "whoami"], { cwd: folder, env: { HOME: folder }, encoding: "utf8" });
  assert.equal(failed.status, 4);
});

test("an older Node hands over to the one that came with the dependencies", (t) => {
  const folder = folderWith(t, {
    "clients/cli/bin/millrace.mjs": readFileSync(BIN, "utf8"),
    "clients/cli/src/main.ts": "",
  });
  const older = "data:text/javascript,Object.defineProperty(process.versions,'node',{value:'20.1.0'})";
  const start = () =>
    spawnSync(process.execPath, ["--import", older, join(folder, "clients/cli/bin/millrace.mjs"), "x"], {
      encoding: "utf8",
    });
  const without = start();
  assert.equal(without.status, 1);
  assert.match(without.stderr, /^error: this is Node .* run npm ci\n$/);
  const packaged = join(folder, `node_modules/node-${process.platform}-${process.arch}/bin`);
  mkdirSync(packaged, { recursive: true });
  writeFileSync(join(packaged, "node"), '#!/bin/sh\necho "ran $*"\nexit 3\n');
  chmodSync(join(packaged, "node"), 0o755);
  const handedOver = start();
  assert.deepEqual([handedOver.status, handedOver.stdout], [3, `ran ${join(folder, "clients/cli/src/main.ts")} x\n`]);
});

test("the source of the program is executable", () => {
  assert.ok(statSync(BIN).mode & 0o100);
});
