import { formatName } from "@millrace/names";
import {
  CertificateState as CertificateStateMessage,
  type DomainCertificate,
  type Domain as DomainMessage,
  DomainState,
} from "@millrace/proto/control/v1/domains";
import { etagOf } from "@millrace/rpc";
import { type Certificate, stateOfCertificate } from "./certificate.ts";
import { challengeName, type Domain } from "./domain.ts";

const CERTIFICATE_STATES = {
  valid: CertificateStateMessage.VALID,
  expiring: CertificateStateMessage.EXPIRING,
  expired: CertificateStateMessage.EXPIRED,
} as const;

export function toDomainMessage(domain: Domain, now: Date): DomainMessage {
  const { project, host, token, deployment, verifiedAt, lostAt, certificate, createdAt, updatedAt } = domain;
  return {
    name: formatName("domain", { project, domain: host }),
    state: stateOf(domain),
    deployment: deployment ? formatName("deployment", { project, ...deployment }) : "",
    challenge: { type: "TXT", name: challengeName(host), value: token },
    verifiedAt,
    lostAt,
    certificate: certificate && toCertificateMessage(certificate, now),
    createdAt,
    updatedAt,
    etag: etagOf(domain.version),
  };
}

function stateOf({ verifiedAt, deployment }: Domain): DomainState {
  if (!verifiedAt) return DomainState.PENDING;
  return deployment ? DomainState.SERVING : DomainState.VERIFIED;
}

function toCertificateMessage(certificate: Certificate, now: Date): DomainCertificate {
  const { hosts, ...facts } = certificate;
  return { ...facts, hosts: [...hosts], state: CERTIFICATE_STATES[stateOfCertificate(certificate, now)] };
}
