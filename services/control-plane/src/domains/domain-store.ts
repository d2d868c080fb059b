import type { Environment } from "@millrace/names";
import type { Queryable, Transaction } from "@millrace/sql";
import type { DeploymentKey } from "../deployments/deployment.ts";
import { alreadyExists, notFound, unlessTaken } from "../requests/refusals.ts";
import type { Certificate, CheckedCertificate } from "./certificate.ts";
import { type Domain, heldByAnother } from "./domain.ts";

interface Row {
  uid: string;
  project: string;
  host: string;
  token: string;
  group: string | null;
  label: string | null;
  environment: Environment | null;
  verifiedAt: Date | null;
  lostAt: Date | null;
  version: string;
  createdAt: Date;
  updatedAt: Date;
  fingerprint: string | null;
  hosts: string;
  issuer: string;
  keyAlgorithm: string;
  notBefore: Date;
  notAfter: Date;
  uploadedAt: Date;
}

/** A domain with its deployment's group, and what may be read of its certificate. */
const columns = (sql: Queryable) => sql`
  d.uid, d.project, d.host, d.token, g.id as group, d.group_label as label, d.environment, d.verified_at, d.lost_at,
  d.version, d.created_at, d.updated_at, c.fingerprint, c.hosts, c.issuer, c.key_algorithm, c.not_before, c.not_after,
  c.uploaded_at`;
const domains = (sql: Queryable) => sql`
  domains d
  left join api_groups g on g.label = d.group_label
  left join domain_certificates c on c.domain_uid = d.uid`;

/** Throws `already_exists` domain_exists. */
export async function insertDomain(
  tx: Transaction,
  { uid, project, host, token }: Pick<Domain, "uid" | "project" | "host" | "token">,
  bound: DeploymentKey | undefined,
): Promise<void> {
  const { label = null, environment = null } = bound ?? {};
  const insert = tx`
    insert into domains (uid, project, host, token, group_label, environment)
    values (${uid}, ${project}, ${host}, ${token}, ${label}, ${environment})`;
  await unlessTaken(insert, "domains_host", () => alreadyExists("domain", host));
}

/** Throws `not_found` domain_not_found. By the index domains_host. */
export async function getDomain(sql: Queryable, project: string, host: string): Promise<Domain> {
  const [row] = await sql<Row[]>`
    select ${columns(sql)}
    from ${domains(sql)}
    where d.project = ${project} and d.host = ${host}`;
  if (!row) throw notFound("domain", host);
  return fromRow(row);
}

/** As getDomain; locks the domain until the transaction ends, but nothing that it leads to. */
export async function lockDomain(tx: Transaction, project: string, host: string): Promise<Domain> {
  const [row] = await tx<Row[]>`
    select ${columns(tx)}
    from ${domains(tx)}
    where d.project = ${project} and d.host = ${host}
    for update of d`;
  if (!row) throw notFound("domain", host);
  return fromRow(row);
}

/** The claim that has proved a host, locked; undefined when none has. By the index domains_holder. */
export async function lockHolder(tx: Transaction, host: string): Promise<Domain | undefined> {
  const [row] = await tx<Row[]>`
    select ${columns(tx)}
    from ${domains(tx)}
    where d.host = ${host} and d.verified_at is not null
    for update of d`;
  return row && fromRow(row);
}

/** Domains after `after` by host. By the index domains_host. */
export async function listDomains(
  sql: Queryable,
  { project, after, limit }: { project: string; after: string; limit: number },
): Promise<Domain[]> {
  const rows = await sql<Row[]>`
    select ${columns(sql)}
    from ${domains(sql)}
    where d.project = ${project} and d.host > ${after}
    order by d.host
    limit ${limit}`;
  return rows.map(fromRow);
}

/** By the index domains_host. */
export async function countDomains(sql: Queryable, project: string): Promise<number> {
  const [row] = await sql<{ count: number }[]>`
    select count(*)::int as count
    from domains
    where project = ${project}`;
  return row!.count;
}

/** Those that are bound to a group's deployments, without the one named. By the index domains_by_deployment. */
export async function countBound(sql: Queryable, label: string, without: string): Promise<number> {
  const [row] = await sql<{ count: number }[]>`
    select count(*)::int as count
    from domains
    where group_label = ${label} and uid <> ${without}`;
  return row!.count;
}

export async function bindDomain(tx: Transaction, uid: string, bound: DeploymentKey | undefined): Promise<void> {
  const { label = null, environment = null } = bound ?? {};
  await tx`
    update domains
    set group_label = ${label}, environment = ${environment}, version = version + 1, updated_at = now()
    where uid = ${uid}`;
}

/** Ends the bindings to a group's deployments; answers the hosts that are proved. By the index domains_by_deployment. */
export async function unbindDomains(tx: Transaction, label: string): Promise<string[]> {
  const rows = await tx<{ host: string; verifiedAt: Date | null }[]>`
    update domains
    set group_label = null, environment = null, version = version + 1, updated_at = now()
    where group_label = ${label}
    returning host, verified_at`;
  return rows.filter(({ verifiedAt }) => verifiedAt !== null).map(({ host }) => host);
}

/** The hosts that a project has proved. By the index domains_host. */
export async function provedHosts(sql: Queryable, project: string): Promise<string[]> {
  const rows = await sql<{ host: string }[]>`
    select host
    from domains
    where project = ${project} and verified_at is not null`;
  return rows.map(({ host }) => host);
}

/** Throws `failed_precondition` domain_held when another claim was proved meanwhile. */
export async function setVerified(tx: Transaction, { uid, host }: Domain, at: Date): Promise<void> {
  const update = tx`
    update domains
    set verified_at = ${at}, lost_at = null, version = version + 1, updated_at = now()
    where uid = ${uid}`;
  await unlessTaken(update, "domains_holder", () => heldByAnother(host));
}

/** The host is another project's from now on. */
export async function setLost(tx: Transaction, uid: string, at: Date): Promise<void> {
  await tx`
    update domains
    set
      verified_at = null,
      lost_at = ${at},
      group_label = null,
      environment = null,
      version = version + 1,
      updated_at = now()
    where uid = ${uid}`;
}

export async function putCertificate(
  tx: Transaction,
  uid: string,
  { chainPem, fingerprint, hosts, issuer, keyAlgorithm, notBefore, notAfter }: CheckedCertificate,
  { sealedKey, uploadedAt }: { sealedKey: Buffer; uploadedAt: Date },
): Promise<void> {
  await tx`
    insert into domain_certificates (
      domain_uid, chain_pem, sealed_key, fingerprint, hosts, issuer, key_algorithm, not_before, not_after, uploaded_at
    )
    values (
      ${uid}, ${chainPem}, ${sealedKey}, ${fingerprint}, ${hosts.join(" ")}, ${issuer}, ${keyAlgorithm}, ${notBefore},
      ${notAfter}, ${uploadedAt}
    )
    on conflict (domain_uid) do update set
      chain_pem = excluded.chain_pem,
      sealed_key = excluded.sealed_key,
      fingerprint = excluded.fingerprint,
      hosts = excluded.hosts,
      issuer = excluded.issuer,
      key_algorithm = excluded.key_algorithm,
      not_before = excluded.not_before,
      not_after = excluded.not_after,
      uploaded_at = excluded.uploaded_at`;
  await tx`
    update domains
    set version = version + 1, updated_at = now()
    where uid = ${uid}`;
}

export async function deleteDomain(tx: Transaction, uid: string): Promise<void> {
  await tx`
    delete from domains
    where uid = ${uid}`;
}

function fromRow(row: Row): Domain {
  const { uid, project, host, token, group, label, environment, createdAt, updatedAt } = row;
  const isBound = group !== null && label !== null && environment !== null;
  return {
    uid,
    project,
    host,
    token,
    deployment: isBound ? { group, label, environment } : undefined,
    verifiedAt: row.verifiedAt ?? undefined,
    lostAt: row.lostAt ?? undefined,
    certificate: certificateOf(row),
    version: Number(row.version),
    createdAt,
    updatedAt,
  };
}

function certificateOf(row: Row): Certificate | undefined {
  const { fingerprint, hosts, issuer, keyAlgorithm, notBefore, notAfter, uploadedAt } = row;
  if (fingerprint === null) return undefined;
  return { fingerprint, hosts: hosts.split(" "), issuer, keyAlgorithm, notBefore, notAfter, uploadedAt };
}
