-- What releases froze: a packed DeploymentSnapshot by the sha-256 of its bytes before packing.
create table snapshots (
  digest text primary key,
  packed bytea not null,
  created_at timestamptz not null default now()
);

create table deployments (
  group_label text not null references api_groups on delete cascade,
  environment text not null check (environment in ('test', 'preview', 'online')),
  state text not null default 'unreleased' check (state in ('unreleased', 'serving', 'offline')),
  -- The newest release: what is served unless the deployment is offline. Null before the first.
  release integer,
  revision integer,
  snapshot_digest text references snapshots,
  -- Rises with every change of what gateways are told.
  generation bigint not null default 0,
  version bigint not null default 1,
  updated_at timestamptz not null default now(),
  primary key (group_label, environment)
);
create index deployments_by_snapshot on deployments (snapshot_digest) where snapshot_digest is not null;

create table releases (
  group_label text not null,
  environment text not null,
  number integer not null,
  revision integer not null,
  note text not null,
  author text not null,
  environment_backend jsonb,
  apis jsonb not null,
  rollback_of integer not null,
  snapshot_digest text not null references snapshots,
  created_at timestamptz not null default now(),
  primary key (group_label, environment, number),
  foreign key (group_label, environment) references deployments on delete cascade
);
create index releases_by_snapshot on releases (snapshot_digest);

-- Which functions a release calls: one row per pinned version or live alias.
create table release_targets (
  group_label text not null,
  environment text not null,
  release integer not null,
  function_uid text not null,
  -- A version number or an alias.
  qualifier text not null,
  primary key (group_label, environment, release, function_uid, qualifier),
  foreign key (group_label, environment, release) references releases on delete cascade
);
create index release_targets_by_function on release_targets (function_uid, qualifier);

-- What changed a deployment without a release.
create table deployment_events (
  id bigint generated always as identity primary key,
  group_label text not null,
  environment text not null,
  kind text not null check (kind in ('offline', 'online', 'alias_moved')),
  detail text not null,
  author text not null,
  created_at timestamptz not null default now(),
  foreign key (group_label, environment) references deployments on delete cascade
);
create index deployment_events_by_deployment on deployment_events (group_label, environment, id);

-- Snapshots that a deployment has left; their parts are taken off the bus when gateways have had time to follow.
create table retired_snapshots (
  digest text primary key,
  retired_at timestamptz not null default now()
);
create index retired_snapshots_by_age on retired_snapshots (retired_at);
