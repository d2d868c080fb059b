-- Artifacts are cut, so that neither side holds a whole one in memory.
create table artifacts (
  digest text primary key,
  size_bytes bigint not null,
  created_at timestamptz not null default now()
);
create index artifacts_by_age on artifacts (created_at);
create table artifact_chunks (
  digest text not null references artifacts on delete cascade,
  number integer not null,
  bytes bytea not null,
  primary key (digest, number)
);

create table functions (
  uid text primary key,
  project text not null references projects,
  id text not null,
  description text not null,
  -- The draft's configuration; secrets are sealed to the runners' key.
  config jsonb not null,
  -- The draft's code; null before the first upload.
  code jsonb,
  artifact_digest text references artifacts,
  latest_version integer not null default 0,
  version bigint not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint functions_id unique (project, id)
);
create index functions_by_artifact on functions (artifact_digest) where artifact_digest is not null;

create table function_versions (
  function_uid text not null references functions on delete cascade,
  number integer not null,
  description text not null,
  config jsonb not null,
  code jsonb not null,
  artifact_digest text not null references artifacts,
  created_at timestamptz not null default now(),
  primary key (function_uid, number)
);
create index versions_by_artifact on function_versions (artifact_digest);

create table aliases (
  function_uid text not null references functions on delete cascade,
  id text not null,
  description text not null,
  version bigint not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (function_uid, id)
);
create table alias_targets (
  function_uid text not null,
  alias text not null,
  number integer not null,
  weight integer not null check (weight between 1 and 100),
  primary key (function_uid, alias, number),
  foreign key (function_uid, alias) references aliases (function_uid, id) on delete cascade,
  constraint alias_targets_version foreign key (function_uid, number) references function_versions
);
create index alias_targets_by_version on alias_targets (function_uid, number);
