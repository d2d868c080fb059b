import { randomUUID } from "node:crypto";
import { resolve } from "node:path";
import { canonicalHost } from "@millrace/names";
import {
  CertificateState,
  Domain,
  type DomainCertificate,
  DomainServiceService,
  DomainState,
} from "@millrace/proto/control/v1/domains";
import { Option } from "commander";
import type { Noun, Registry } from "../command-line.ts";
import { done, idOf, many, one, type View } from "../output/answer.ts";
import { existingPath, readText, type Terminal } from "../terminal.ts";
import { environmentOption, groupOption } from "./options.ts";

const STATES: Readonly<Record<number, string>> = {
  [DomainState.PENDING]: "pending",
  [DomainState.VERIFIED]: "verified",
  [DomainState.SERVING]: "serving",
};

const listView: View<Domain> = {
  json: Domain.toJSON,
  cells: {
    host: ({ name }) => idOf(name),
    state: ({ state }) => STATES[state],
    deployment: deploymentOf,
    certificate: ({ certificate }) => certificate && untilOf(certificate),
  },
};

const view: View<Domain> = {
  json: Domain.toJSON,
  cells: {
    ...listView.cells,
    "TXT record": ({ challenge }) => challenge?.name,
    "its value": ({ challenge }) => challenge?.value,
    verified: ({ verifiedAt }) => verifiedAt,
    lost: ({ lostAt }) => lostAt,
    issuer: ({ certificate }) => certificate?.issuer,
    covers: ({ certificate }) => certificate?.hosts,
    fingerprint: ({ certificate }) => certificate?.fingerprint,
  },
};

function deploymentOf({ deployment }: Domain): string {
  const [, , , group, , environment] = deployment.split("/");
  return group === undefined ? "" : `${group}/${environment}`;
}

function untilOf({ state, notAfter }: DomainCertificate): string {
  const date = notAfter?.toISOString().slice(0, 10) ?? "";
  if (state === CertificateState.EXPIRED) return `expired on ${date}`;
  return state === CertificateState.EXPIRING ? `until ${date}: renew it` : `until ${date}`;
}

interface Place {
  group: string;
  env: string;
}

interface CertificateFiles {
  chain: string;
  key: string;
}

const nameOf = (project: string, host = "") => `${project}/domains/${canonicalHost(host) ?? host}`;
const deploymentIn = (project: string, { group, env }: Place) => `${project}/groups/${group}/deployments/${env}`;

function fileOf({ cwd }: Terminal, option: string, path: string): string {
  return readText(existingPath(resolve(cwd, path), option), option);
}

export function registerDomain(registry: Registry): void {
  const noun = registry.noun("domain", "custom hosts, proved by DNS, and their certificates");
  registerReading(noun);
  registerServing(noun);
}

function registerReading(noun: Noun): void {
  noun
    .command({
      usage: "create <host>",
      description: "claim a host; the answer says which TXT record proves it",
      async run({ call, project }, [domainId = ""]) {
        const request = { parent: project, domainId, deployment: "", requestId: randomUUID() };
        return one(view, await call(DomainServiceService.createDomain, request));
      },
    })
    .command({
      usage: "verify <host>",
      description: "look for the TXT record",
      async run({ call, project }, [host]) {
        return one(view, await call(DomainServiceService.verifyDomain, { name: nameOf(project, host) }));
      },
    })
    .command({
      usage: "list",
      description: "list the project's hosts",
      async run({ listAll, project }) {
        const request = { parent: project, pageSize: 0, pageToken: "" };
        return many(
          listView,
          "domains",
          await listAll(DomainServiceService.listDomains, request, (page) => page.domains),
        );
      },
    })
    .command({
      usage: "get <host>",
      description: "show a host, its record and its certificate",
      async run({ call, project }, [host]) {
        return one(view, await call(DomainServiceService.getDomain, { name: nameOf(project, host) }));
      },
    });
}

function registerServing(noun: Noun): void {
  noun
    .command<Place>({
      usage: "bind <host>",
      description: "serve a deployment under the host, in place of the one that is served there",
      options: [groupOption(), environmentOption()],
      async run({ call, project }, [host], place) {
        const request = { name: nameOf(project, host), deployment: deploymentIn(project, place), etag: "" };
        return one(view, await call(DomainServiceService.updateDomain, request));
      },
    })
    .command({
      usage: "unbind <host>",
      description: "serve nothing under the host",
      async run({ call, project }, [host]) {
        const request = { name: nameOf(project, host), deployment: "", etag: "" };
        return one(view, await call(DomainServiceService.updateDomain, request));
      },
    })
    .command<CertificateFiles>({
      usage: "certificate <host>",
      description: "set the host's certificate, in place of the one before; its private key is never shown again",
      options: [
        new Option("--chain <file>", "PEM: the host's own, then each that issued the one before").makeOptionMandatory(),
        new Option("--key <file>", "PEM of its private key: RSA 2048 to 4096, EC P-256 or P-384").makeOptionMandatory(),
      ],
      async run({ call, project, terminal }, [host], { chain, key }) {
        const chainPem = fileOf(terminal, "--chain", chain);
        const privateKeyPem = fileOf(terminal, "--key", key);
        const request = { name: nameOf(project, host), chainPem, privateKeyPem, etag: "" };
        return one(view, await call(DomainServiceService.uploadCertificate, request));
      },
    })
    .command({
      usage: "delete <host>",
      description: "give a host up, with its certificate",
      async run({ call, project }, [host]) {
        const name = nameOf(project, host);
        await call(DomainServiceService.deleteDomain, { name, etag: "" });
        return done({ deleted: name }, `deleted ${name}`);
      },
    });
}
