-- Custom hosts. Several projects may claim one; of those at most one has proved it.
create table domains (
  uid text primary key,
  project text not null references projects on delete cascade,
  host text not null,
  -- What the project's TXT record holds.
  token text not null,
  group_label text,
  environment text,
  verified_at timestamptz,
  -- When another project proved it after this one had.
  lost_at timestamptz,
  version bigint not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  check ((group_label is null) = (environment is null)),
  foreign key (group_label, environment) references deployments on delete set null,
  constraint domains_host unique (project, host)
);
create unique index domains_holder on domains (host) where verified_at is not null;
create index domains_by_deployment on domains (group_label, environment) where group_label is not null;

create table domain_certificates (
  domain_uid text primary key references domains on delete cascade,
  chain_pem text not null,
  -- To the gateways; nobody else can read it again.
  sealed_key bytea not null,
  fingerprint text not null,
  -- Separated by spaces.
  hosts text not null,
  issuer text not null,
  key_algorithm text not null,
  not_before timestamptz not null,
  not_after timestamptz not null,
  uploaded_at timestamptz not null
);
