import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { PlatformError } from "@millrace/errors";
import { EventGap } from "@millrace/proto/control/v1/events";
import { LogEntry, LogServiceService } from "@millrace/proto/control/v1/logs";
import { RequestRecord, RequestServiceService } from "@millrace/proto/control/v1/requests";
import { RpcServer } from "@millrace/rpc";
import { folderWith, run, writePlatformFile } from "../command-line-fixture.ts";

const time = new Date("2026-11-22T12:00:00Z");

/** Answers a turn to each tail, and refuses the third. Tells what was asked of each. */
async function startTails(t: TestContext) {
  const asked: string[] = [];
  const turnOf = (resumeToken: string, backlog: number) => {
    asked.push(`${backlog} after ${resumeToken || "nothing"}`);
    if (asked.length === 3) throw new PlatformError("permission_denied", "No more.", { reason: "permission_denied" });
    return `t${asked.length}`;
  };
  const server = new RpcServer({
    access: new Proxy({}, { get: () => ({ who: "public" }) }),
    authenticate: async () => ({ kind: "anonymous" }),
    log: { debug: () => {}, warn: () => {}, error: () => {} },
  });
  const { tailLogs } = LogServiceService;
  const { tailRequests } = RequestServiceService;
  server.add(
    { tailLogs },
    {
      async *tailLogs({ resumeToken, backlog }) {
        const token = turnOf(resumeToken, backlog);
        const entry = LogEntry.fromPartial({ time, function: "pets", version: 2, requestId: "r1", level: "info" });
        yield { entries: [{ ...entry, message: `line ${token}\nand \u001b[31mmore` }], resumeToken: token, gaps: [] };
      },
    },
  );
  server.add(
    { tailRequests },
    {
      async *tailRequests({ resumeToken, backlog, filter }) {
        const token = turnOf(resumeToken, backlog);
        const path = `/${token}/${filter?.status}`;
        const name = "projects/default/requests/r1";
        yield {
          requests: [RequestRecord.fromPartial({ time, name, path, status: 502 })],
          resumeToken: token,
          gaps: [EventGap.fromPartial({ source: "gateway-1", cause: "bus", count: asked.length })],
        };
      },
    },
  );
  const port = await server.listen("127.0.0.1", 0);
  t.after(() => server.close());
  const home = folderWith(t, {});
  writePlatformFile(home, { controlPlane: `127.0.0.1:${port}` });
  return { asked, home };
}

test("a log that is followed goes on where the server ended its stream, until it is refused", async (t) => {
  const { asked, home } = await startTails(t);
  const { exitCode, stdout, stderr } = await run(home, ["logs", "-f", "--limit", "5"]);
  assert.equal(exitCode, 4, stderr);
  const head = "2026-11-22T12:00:00.000Z info     pets@2 r1";
  assert.equal(stdout, ["t1", "t2"].map((token) => `${head} line ${token}\n  and \ufffd[31mmore\n`).join(""));
  assert.deepEqual(asked, ["5 after nothing", "5 after t1", "5 after t2"]);
});

test("requests that are followed are one JSON document a line", async (t) => {
  const { home } = await startTails(t);
  const { stdout } = await run(home, ["requests", "-f", "--status", "5xx", "--output", "json"]);
  const lines = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { path?: string; gap?: { count: string } });
  assert.deepEqual(
    lines.map(({ path, gap }) => path ?? `${gap?.count} missing`),
    ["/t1/5", "1 missing", "/t2/5", "2 missing"],
  );
});
