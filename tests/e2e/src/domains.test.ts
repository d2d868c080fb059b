/** Custom hosts on a whole platform: what the guide tells its readers to type, with the guide's own name server. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { after, test } from "node:test";
import { freePort, issueCertificate, until } from "@millrace/testing";
import { commandsIn, filesIn, readersShell } from "./support/documents.ts";
import { testPlatform } from "./support/test-platform.ts";

const GUIDE = "docs/guides/domains.md";
const HOST = "api.shop.example";

const dnsPort = await freePort();
const platform = await testPlatform({ gateways: 2, https: {}, dnsServers: [`127.0.0.1:${dnsPort}`] });
const { certificate, privateKey } = issueCertificate({ names: [HOST] });
const files = new Map([...filesIn(GUIDE), ["api.crt", certificate], ["api.key", privateKey]]);
const shell = readersShell(platform.platformFile, files);

/** The guide says 8443, where `npm start` listens; a test listens where it may. */
const asHere = (line: string) => line.replaceAll("8443", new URL(platform.gatewayHttpsUrl!).port);

test("a host is claimed, proved, bound, served over TLS with its certificate, and given up", async () => {
  const printed = new Map<string, string>();
  for (const line of commandsIn(GUIDE)) {
    if (line.startsWith("curl") || line.includes("domain verify"))
      // The certificate is on its way to the gateway, the name server about to listen.
      printed.set(line, await until(() => shell(asHere(line)).catch(() => ""), { timeoutMs: 10_000 }));
    else printed.set(line, await shell(line));
    if (line.includes("domain create")) {
      const shown = printed.get(line)!;
      const [, value = ""] = /its value +(\S+)/.exec(shown) ?? [];
      assert.match(shown, /TXT record +_millrace-challenge\.api\.shop\.example\n/);
      const names = spawn(process.execPath, ["--input-type=module", "-", value], {
        stdio: ["pipe", "ignore", "inherit"],
      });
      after(() => void names.kill());
      names.stdin.end(files.get("names.mjs")!.replace("9353", String(dnsPort)));
    }
  }
  const saidBy = (part: string) => [...printed].find(([line]) => line.includes(part))![1];
  assert.match(saidBy("domain verify"), /state +verified\n/);
  assert.match(saidBy("domain bind"), /state +serving\ndeployment +store\/online\n/);
  assert.match(saidBy("domain get"), /covers +api\.shop\.example\n/);
  assert.match(saidBy("domain list"), /api\.shop\.example +serving +store\/online +until \S+: renew it/);
  assert.equal(saidBy("curl"), "hello");
  assert.ok(![...printed.values()].some((text) => text.includes(privateKey.split("\n")[1]!)));
});
