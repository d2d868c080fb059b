import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { after, test } from "node:test";
import { ProjectServiceService } from "@millrace/proto/control/v1/projects";
import { NO_RECORDER } from "./call-record.ts";
import { RpcClient, RpcServer, ServiceIdentity, type ServiceName, ServiceTrust } from "./mod.ts";

const { getProject } = ProjectServiceService;
const ALICE = "203.0.113.7:4711";

function keysOf(service: ServiceName) {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  return { identity: new ServiceIdentity(service, pem), spki: publicKey.export({ type: "spki", format: "pem" }) };
}

const services = { console: keysOf("console"), gateway: keysOf("gateway") };
const stranger = keysOf("console").identity;
const peers: string[] = [];
const server = new RpcServer({
  access: { [getProject.path]: { who: "public" } },
  authenticate: async () => ({ kind: "anonymous" }),
  forwarders: new ServiceTrust(
    "control-plane",
    JSON.stringify({ console: services.console.spki, gateway: services.gateway.spki }),
  ),
  recorder: {
    begin: (call) => {
      peers.push(call.peer);
      return NO_RECORDER.begin(call);
    },
  },
  log: { debug() {}, warn() {}, error() {} },
});
server.add(
  { getProject },
  {
    getProject: async ({ name }) => ({ name, displayName: "", etag: "", createdAt: undefined, updatedAt: undefined }),
  },
);
const address = `127.0.0.1:${await server.listen("127.0.0.1", 0)}`;
after(() => server.close());

/** Where the server takes a call to come from. */
async function peerFor(forwardedFor: string, forwarder?: () => Promise<string> | string): Promise<string> {
  const client = new RpcClient({ address, forwarder });
  await client.call(getProject, { name: "projects/shop" }, { forwardedFor });
  client.close();
  return peers.at(-1)!;
}

const asConsole = () => services.console.identity.tokenFor("control-plane");
const OWN = /^127\.0\.0\.1:\d+$/;

test("the console says where its callers are, and is believed", async () => {
  assert.equal(await peerFor(ALICE, asConsole), ALICE);
  assert.equal(await peerFor("[2001:db8::1]:443", asConsole), "[2001:db8::1]:443");
});

test("nobody else is: no stranger, no other service, no console's token for another callee", async () => {
  const forwarders = {
    none: undefined,
    "a word": () => "console",
    "a person's token": () => "mrt_ada",
    "a key that is not the console's": () => stranger.tokenFor("control-plane"),
    "another service": () => services.gateway.identity.tokenFor("control-plane"),
    "a token for auth": () => services.console.identity.tokenFor("auth"),
  };
  for (const [name, forwarder] of Object.entries(forwarders)) assert.match(await peerFor(ALICE, forwarder), OWN, name);
});

test("what is no address is not taken from the console either", async () => {
  for (const word of ["", "alice", "203.0.113.7", "203.0.113.7:1 or 2", "people/ada:1", "x".repeat(500)]) {
    assert.match(await peerFor(word, asConsole), OWN, word);
  }
});
