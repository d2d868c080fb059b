import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, test } from "node:test";
import { KEYS, unpackRecord } from "@millrace/bus";
import { Role } from "@millrace/proto/auth/v1/people";
import { AdminServiceService } from "@millrace/proto/control/v1/admin";
import { AuditServiceService } from "@millrace/proto/control/v1/audit";
import { DeploymentServiceService } from "@millrace/proto/control/v1/deployments";
import {
  CertificateState,
  type Domain,
  DomainState,
  DomainServiceService as domains,
} from "@millrace/proto/control/v1/domains";
import { GroupServiceService } from "@millrace/proto/control/v1/groups";
import { ProjectServiceService } from "@millrace/proto/control/v1/projects";
import { DomainRecord } from "@millrace/proto/release/v1/domain";
import type { CallOptions } from "@millrace/rpc";
import { issueCertificate, until } from "@millrace/testing";
import { QUOTAS } from "../limits.ts";
import { createGroup, createProject } from "../testing/calls.ts";
import { refused, refusedFields } from "../testing/expect.ts";
import { startControlPlane } from "../testing/test-control-plane.ts";

const { client, auth, bucket, clock, database, dns, openAsGateway } = await startControlPlane({ after });
const releases = await bucket("releases");
const EVE = { token: "eve" };
await createProject(client, "shop");
const store = await createGroup(client, "shop", "store");
await createProject(client, "rival", EVE);
auth.addPerson("viewer");
auth.grant("viewer", "shop", Role.VIEWER);

let claims = 0;
const newHost = () => `api${++claims}.shop.example`;
const online = `${store.name}/deployments/online`;

function claim(domainId: string, fields: { deployment?: string; requestId?: string } = {}, options?: CallOptions) {
  const parent = options === EVE ? "projects/rival" : "projects/shop";
  return client.call(domains.createDomain, { parent, domainId, deployment: "", requestId: "", ...fields }, options);
}

const verify = ({ name }: Domain, options?: CallOptions) => client.call(domains.verifyDomain, { name }, options);
const get = ({ name }: Domain, options?: CallOptions) => client.call(domains.getDomain, { name }, options);
const bind = ({ name }: Domain, deployment: string, etag = "") =>
  client.call(domains.updateDomain, { name, deployment, etag });
const remove = ({ name }: Domain) => client.call(domains.deleteDomain, { name, etag: "" });
const publish = (...claimed: Domain[]) =>
  dns.set(
    claimed[0]!.challenge!.name,
    claimed.map(({ challenge }) => challenge!.value),
  );

async function proved(fields: { deployment?: string } = {}): Promise<Domain> {
  const domain = await claim(newHost(), fields);
  publish(domain);
  return verify(domain);
}

const hostOf = ({ name }: Domain) => name.split("/")[3]!;

/** What gateways are told. */
async function served(domain: Domain): Promise<DomainRecord | undefined> {
  const entry = await releases.get(KEYS.domain(hostOf(domain)));
  return entry?.operation === "PUT" ? DomainRecord.decode(unpackRecord(entry.value)) : undefined;
}

const labelServed = (domain: Domain, label: string) => until(async () => (await served(domain))?.hostLabel === label);

test("a host is proved by its record and then served where it is bound; what is missing is said to the letter", async () => {
  const domain = await claim(newHost(), { deployment: online });
  assert.equal(domain.state, DomainState.PENDING);
  assert.equal(domain.challenge!.name, `_millrace-challenge.${hostOf(domain)}`);
  const nothing = await refused(verify(domain), "failed_precondition", "domain_record_missing");
  assert.ok(nothing.message.includes(domain.challenge!.name) && nothing.message.includes(domain.challenge!.value));
  assert.match(nothing.message, /Found there: none/);
  dns.set(domain.challenge!.name, ["v=spf1 -all", `${domain.challenge!.value}x`]);
  const others = await refused(verify(domain), "failed_precondition", "domain_record_missing");
  assert.match(others.message, /Found there: "v=spf1 -all", "millrace-/);
  assert.equal(await served(domain), undefined);
  publish(domain);
  const done = await verify(domain);
  assert.equal(done.state, DomainState.SERVING);
  assert.equal(done.deployment, online);
  assert.ok(done.verifiedAt);
  await labelServed(domain, store.label);
});

test("a proved host stays proved when its record goes or DNS is down, and says so when it is looked up again", async () => {
  const domain = await proved();
  assert.equal(domain.state, DomainState.VERIFIED);
  dns.delete(domain.challenge!.name);
  const gone = await refused(verify(domain), "failed_precondition", "domain_record_missing");
  assert.match(gone.message, /The host is still yours/);
  dns.set(domain.challenge!.name, new Error("down"));
  await assert.rejects(verify(domain));
  assert.equal((await get(domain)).state, DomainState.VERIFIED);
});

test("hosts are kept in lower case and ASCII; what is no custom host is refused", async () => {
  assert.equal((await claim("API.Bücher.EXAMPLE.")).name, "projects/shop/domains/api.xn--bcher-kva.example");
  await refused(claim("api.bücher.example"), "already_exists", "domain_exists");
  const refusedHosts = [
    "",
    "shop",
    "*.shop.example",
    "127.0.0.1",
    "0x7f.1",
    "[::1]",
    "2130706433",
    "api.shop.example:443",
    "https://api.shop.example",
    "a_b.example",
    "-a.example",
    "a..example",
    "a b.example",
    "api.shop.123",
    "localhost",
    "local-1.localhost",
    `${store.label}.local-1.localhost`,
    "LOCALHOST.",
    `${"a".repeat(64)}.example`,
    `${"abcdefg.".repeat(29)}example`,
    "a\0.example",
  ];
  for (const host of refusedHosts) await refusedFields(claim(host), ["domain_id"]);
});

test("a repeated request answers the same domain, and a host is claimed once in a project", async () => {
  const requestId = randomUUID();
  const host = newHost();
  const first = await claim(host, { requestId });
  assert.deepEqual(await claim(host, { requestId }), first);
  await refused(claim(host), "already_exists", "domain_exists");
  assert.notEqual((await claim(host, {}, EVE)).challenge!.value, first.challenge!.value);
});

test("another project takes a host over only with its own record, and only when the holder's is gone", async () => {
  const mine = await proved({ deployment: online });
  const theirs = await claim(hostOf(mine), {}, EVE);
  const theirName = theirs.name;
  await refused(verify(theirs, EVE), "failed_precondition", "domain_record_missing");
  publish(mine, theirs);
  const held = await refused(verify(theirs, EVE), "failed_precondition", "domain_held");
  assert.ok(!held.message.includes("shop/") && !held.message.includes(mine.challenge!.value));
  await labelServed(mine, store.label);

  publish(theirs);
  assert.equal((await verify(theirs, EVE)).state, DomainState.VERIFIED);
  const lost = await get(mine);
  assert.equal(lost.state, DomainState.PENDING);
  assert.equal(lost.deployment, "");
  assert.ok(lost.lostAt);
  await labelServed(theirs, "");
  const lines = async (parent: string, options?: CallOptions) => {
    const request = {
      parent,
      actor: "",
      object: "",
      action: "VerifyDomain",
      outcome: 1 as const,
      after: undefined,
      before: undefined,
    };
    const all = { ...request, pageSize: 100, pageToken: "" };
    return (await client.call(AuditServiceService.listAuditEvents, all, options)).events;
  };
  const [told] = (await lines("projects/shop")).filter(({ actor }) => actor === "services/control-plane");
  assert.equal(told?.object, mine.name);
  assert.deepEqual(told.fields, [{ path: "lost", value: "another project proved the host" }]);
  assert.ok((await lines("projects/rival", EVE)).some(({ object }) => object === theirName));
  const broken = await database.sql`select * from broken_audit_chains()`;
  assert.equal(broken.length, 0);

  // Both records are not enough for the one who lost it either.
  publish(mine, theirs);
  await refused(verify(mine), "failed_precondition", "domain_held");
  publish(mine);
  assert.equal((await verify(mine)).lostAt, undefined);
});

test("of two projects that prove a host at the same time one has it", async () => {
  const host = newHost();
  const [mine, theirs] = [await claim(host), await claim(host, {}, EVE)];
  publish(mine, theirs);
  const ends = await Promise.allSettled([verify(mine), verify(theirs, EVE)]);
  assert.deepEqual(ends.map(({ status }) => status).toSorted(), ["fulfilled", "rejected"]);
  const [refusal] = ends.flatMap((end) => (end.status === "rejected" ? [end.reason.reason] : []));
  assert.equal(refusal, "domain_held");
});

test("a host moves between the project's deployments at once, and to none", async () => {
  const domain = await proved({ deployment: online });
  const test = `${store.name}/deployments/test`;
  const moved = await bind(domain, test);
  assert.equal(moved.deployment, test);
  await labelServed(domain, `${store.label}-test`);
  await refused(bind(domain, online, domain.etag), "aborted", "etag_mismatch");
  assert.equal((await bind(domain, "", moved.etag)).state, DomainState.VERIFIED);
  await labelServed(domain, "");
  await refusedFields(bind(domain, "projects/rival/groups/g/deployments/online"), ["deployment"]);
  await refusedFields(bind(domain, store.name), ["deployment"]);
  await refused(bind(domain, "projects/shop/groups/none/deployments/online"), "not_found", "group_not_found");
  await refused(
    claim(newHost(), { deployment: "projects/shop/groups/none/deployments/online" }),
    "not_found",
    "group_not_found",
  );
  await refusedFields(claim(newHost(), { deployment: "projects/rival/groups/g/deployments/test" }), ["deployment"]);
});

test("a deployment names the custom hosts that are proved and bound to it", async () => {
  const { name } = await createGroup(client, "shop", "named");
  const online = `${name}/deployments/online`;
  const hostsOf = async () => {
    const { deployments } = await client.call(DeploymentServiceService.listDeployments, { parent: name });
    const one = await client.call(DeploymentServiceService.getDeployment, { name: online });
    assert.deepEqual(deployments.at(-1), one);
    return deployments.map(({ customHosts }) => customHosts);
  };
  const unproved = await claim(newHost(), { deployment: online });
  assert.deepEqual(await hostsOf(), [[], [], []]);
  const first = await proved({ deployment: online });
  const second = await proved({ deployment: online });
  assert.deepEqual(await hostsOf(), [[], [], [hostOf(first), hostOf(second)].toSorted()]);
  await bind(first, `${name}/deployments/test`);
  await remove(second);
  assert.deepEqual(await hostsOf(), [[hostOf(first)], [], []]);
  await remove(unproved);
});

test("a certificate is told to gateways with a private key that only they can open, and never shown again", async () => {
  const domain = await proved({ deployment: online });
  const { certificate, privateKey } = issueCertificate({ names: [hostOf(domain)] });
  const upload = { name: domain.name, chainPem: certificate, privateKeyPem: privateKey, etag: "" };
  const done = await client.call(domains.uploadCertificate, upload);
  assert.equal(done.certificate!.state, CertificateState.EXPIRING);
  assert.deepEqual(done.certificate!.hosts, [hostOf(domain)]);
  const record = await until(async () => {
    const now = await served(domain);
    return now?.certificate && now;
  });
  const { chainPem, fingerprint, sealedKey } = record.certificate!;
  assert.equal(chainPem, certificate);
  assert.equal(openAsGateway(sealedKey, `domain-key|${hostOf(domain)}|${fingerprint}`), privateKey);
  const line = privateKey.split("\n")[1]!;
  const everything = JSON.stringify([done, await get(domain), record]);
  assert.ok(!everything.includes(line));
  for (const table of ["domain_certificates", "audit_events", "outbox"] as const) {
    const rows = await database.sql`select t::text as text from ${database.sql(table)} t`;
    assert.ok(
      rows.every(({ text }) => !text.includes(line) && !text.includes(Buffer.from(line).toString("hex"))),
      table,
    );
  }
  clock.now = new Date(done.certificate!.notAfter!.getTime() + 1);
  assert.equal((await get(domain)).certificate!.state, CertificateState.EXPIRED);
  clock.now = new Date();
  await refusedFields(client.call(domains.uploadCertificate, { ...upload, chainPem: "x" }), ["chain_pem"]);
  await refused(client.call(domains.uploadCertificate, { ...upload, etag: domain.etag }), "aborted", "etag_mismatch");
});

test("a host that is deleted, or whose group or project goes, is served no more", async () => {
  const deleted = await proved({ deployment: online });
  await labelServed(deleted, store.label);
  await remove(deleted);
  await until(async () => (await served(deleted)) === undefined);
  await refused(get(deleted), "not_found", "domain_not_found");
  assert.notEqual((await claim(hostOf(deleted))).challenge!.value, deleted.challenge!.value);

  const brief = await createGroup(client, "shop", "brief");
  const unbound = await proved({ deployment: `${brief.name}/deployments/online` });
  await labelServed(unbound, brief.label);
  await client.call(GroupServiceService.deleteGroup, { name: brief.name, etag: "" });
  await labelServed(unbound, "");
  assert.equal((await get(unbound)).deployment, "");

  await createProject(client, "fleeting");
  const parent = "projects/fleeting";
  const claimed = await client.call(domains.createDomain, {
    parent,
    domainId: newHost(),
    deployment: "",
    requestId: "",
  });
  publish(claimed);
  await verify(claimed);
  await labelServed(claimed, "");
  await client.call(ProjectServiceService.deleteProject, { name: parent, etag: "" });
  await until(async () => (await served(claimed)) === undefined);
});

test("domains are listed by host, a page at a time, and those of others are not found", async () => {
  await createProject(client, "paged");
  const parent = "projects/paged";
  for (const domainId of ["c.example", "a.example", "b.example"])
    await client.call(domains.createDomain, { parent, domainId, deployment: "", requestId: "" });
  const page = (pageToken: string) => client.call(domains.listDomains, { parent, pageSize: 2, pageToken });
  const first = await page("");
  const second = await page(first.nextPageToken);
  assert.deepEqual([...first.domains, ...second.domains].map(hostOf), ["a.example", "b.example", "c.example"]);
  assert.equal(second.nextPageToken, "");
  const [domain] = first.domains;
  await refused(get(domain!, EVE), "not_found", "project_not_found");
  await refused(get({ ...domain!, name: `projects/shop/domains/${hostOf(domain!)}` }), "not_found", "domain_not_found");
  await refusedFields(get({ ...domain!, name: "projects/shop/domains/A.example" }), ["name"]);
  await refused(claim(newHost(), {}, { token: "viewer" }), "permission_denied", "permission_denied");
});

test("so many hosts are bound to a group, and so many claimed by a project", async () => {
  const full = await createGroup(client, "shop", "full");
  const deployment = `${full.name}/deployments/online`;
  const bound: Domain[] = [];
  for (let i = 0; i < QUOTAS.domainsPerGroup; i++) bound.push(await claim(newHost(), { deployment }));
  const exceeded = "group_domains_quota_exceeded";
  await refused(claim(newHost(), { deployment }), "resource_exhausted", exceeded);
  await refused(bind(await claim(newHost()), deployment), "resource_exhausted", exceeded);
  // One that is there already may move within the group.
  await bind(bound[0]!, `${full.name}/deployments/test`);

  await createProject(client, "crowded");
  await database.sql`
    insert into domains (uid, project, host, token)
    select 'dm-' || n, 'crowded', n || '.crowded.example', '' from generate_series(1, ${QUOTAS.domainsPerProject}) n`;
  const request = { parent: "projects/crowded", domainId: newHost(), deployment: "", requestId: "" };
  await refused(client.call(domains.createDomain, request), "resource_exhausted", "domains_quota_exceeded");
});

test("what DNS holds is cut to a bound before it is told", async () => {
  const domain = await claim(newHost());
  dns.set(
    domain.challenge!.name,
    Array.from({ length: 50 }, () => "\u001b[31m".repeat(500)),
  );
  const error = await refused(verify(domain), "failed_precondition", "domain_record_missing");
  assert.ok(error.message.length < 5_000);
  assert.ok(!error.message.includes("\u001b"));
});

test("gateways are told of no host that is not proved, and of every other again when the projections are rebuilt", async () => {
  const [domain, pending] = [await proved(), await claim(newHost())];
  await labelServed(domain, "");
  await releases.put(KEYS.domain("stray.example"), Buffer.from("stray"));
  await releases.purge(KEYS.domain(hostOf(domain)));
  const done = await client.call(AdminServiceService.reproject, {}, { token: "root", timeoutMs: 60_000 });
  assert.ok(done.domains > 0);
  await labelServed(domain, "");
  assert.notEqual((await releases.get(KEYS.domain("stray.example")))?.operation, "PUT");
  assert.equal(await served(pending), undefined);
});
