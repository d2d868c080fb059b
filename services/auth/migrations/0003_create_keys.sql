-- Keys of callers. No deletion cascades from here on: what is removed must also be marked in the outbox.

create table access_keys (
  key_id text primary key,
  project_id text not null references projects,
  display_name text not null,
  -- Sealed by the master key with the context `access-key|{key id}`.
  sealed_secret bytea not null,
  disabled boolean not null default false,
  version integer not null default 1,
  created_at timestamptz(3) not null,
  constraint access_keys_display_name unique (project_id, display_name)
);
create index access_keys_by_project on access_keys (project_id, created_at, key_id);

create table subscription_keys (
  key_id text primary key,
  project_id text not null references projects,
  display_name text not null,
  -- Hex SHA-256 of the bearer key: what gateways look up.
  key_hash text not null unique,
  disabled boolean not null default false,
  version integer not null default 1,
  created_at timestamptz(3) not null,
  constraint subscription_keys_display_name unique (project_id, display_name)
);
create index subscription_keys_by_project on subscription_keys (project_id, created_at, key_id);

-- Joins a key, of any project, to a deployment. Key ids of the two kinds never meet: they begin with different letters.
create table authorizations (
  project_id text not null references projects,
  group_id text not null,
  environment text not null,
  key_id text generated always as (coalesce(access_key_id, subscription_key_id)) stored not null,
  access_key_id text references access_keys,
  subscription_key_id text references subscription_keys,
  -- The first label of the deployment's host, as control-plane told it.
  host_label text not null,
  note text not null,
  created_at timestamptz(3) not null,
  primary key (project_id, group_id, environment, key_id),
  check (num_nonnulls(access_key_id, subscription_key_id) = 1)
);
create index authorizations_by_key on authorizations (key_id);
create index authorizations_by_access_key on authorizations (access_key_id);
create index authorizations_by_subscription_key on authorizations (subscription_key_id);
create unique index authorizations_by_host on authorizations (host_label, key_id);
