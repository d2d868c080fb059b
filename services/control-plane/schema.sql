-- What the migrations add up to, for reading. Compared with the catalog by src/schema.test.ts.

create table alias_targets (
  function_uid text not null,
  alias text not null,
  number integer not null,
  weight integer not null
);
create table aliases (
  function_uid text not null,
  id text not null,
  description text not null,
  version bigint default 1 not null,
  created_at timestamp with time zone default now() not null,
  updated_at timestamp with time zone default now() not null,
  min_instances integer default 0 not null
);
create table api_groups (
  label text not null,
  project text not null,
  id text not null,
  description text not null,
  prefix text not null,
  access text not null,
  version bigint default 1 not null,
  created_at timestamp with time zone default now() not null,
  updated_at timestamp with time zone default now() not null
);
create table apis (
  group_label text not null,
  revision integer not null,
  id text not null,
  uid text not null,
  definition jsonb not null,
  definition_bytes integer not null,
  route text not null,
  function_uid text,
  version bigint default 1 not null,
  created_at timestamp with time zone default now() not null,
  updated_at timestamp with time zone default now() not null
);
create table artifact_chunks (
  digest text not null,
  number integer not null,
  bytes bytea not null
);
create table artifacts (
  digest text not null,
  size_bytes bigint not null,
  created_at timestamp with time zone default now() not null
);
create table audit_chains (
  chain text not null,
  sequence bigint not null,
  hash bytea not null,
  at timestamp with time zone not null
);
create table audit_events (
  chain text not null,
  sequence bigint not null,
  at timestamp with time zone not null,
  project text not null,
  actor text not null,
  credential text not null,
  method text not null,
  object text not null,
  outcome text not null,
  reason text not null,
  fields text not null,
  before text not null,
  after text not null,
  peer text not null,
  user_agent text not null,
  not_recorded integer not null,
  previous_hash bytea not null,
  hash bytea not null
) partition by RANGE (at);
create table bus_streams (
  name text not null,
  made_at timestamp with time zone not null
);
create table deployment_events (
  id bigint generated always as identity not null,
  group_label text not null,
  environment text not null,
  kind text not null,
  detail text not null,
  author text not null,
  created_at timestamp with time zone default now() not null
);
create table deployments (
  group_label text not null,
  environment text not null,
  state text default 'unreleased'::text not null,
  release integer,
  revision integer,
  snapshot_digest text,
  generation bigint default 0 not null,
  version bigint default 1 not null,
  updated_at timestamp with time zone default now() not null
);
create table function_versions (
  function_uid text not null,
  number integer not null,
  description text not null,
  config jsonb not null,
  code jsonb not null,
  artifact_digest text not null,
  created_at timestamp with time zone default now() not null
);
create table functions (
  uid text not null,
  project text not null,
  id text not null,
  description text not null,
  config jsonb not null,
  code jsonb,
  artifact_digest text,
  latest_version integer default 0 not null,
  version bigint default 1 not null,
  created_at timestamp with time zone default now() not null,
  updated_at timestamp with time zone default now() not null
);
create table idempotent_requests (
  principal text not null,
  method text not null,
  request_id uuid not null,
  request_hash bytea not null,
  resource text not null,
  created_at timestamp with time zone default now() not null
);
create table invocations (
  at timestamp with time zone not null,
  stream_made_at timestamp with time zone not null,
  sequence bigint not null,
  runner text not null,
  project text not null,
  function_uid text not null,
  function_id text not null,
  function_version integer not null,
  request_id text not null,
  status integer not null,
  reason text not null,
  duration_ms double precision not null,
  wait_ms double precision not null,
  cpu_us bigint,
  cpu_shared boolean not null,
  memory_kib bigint,
  cold boolean not null,
  bytes_in bigint not null,
  bytes_out bigint not null
) partition by RANGE (at);
create table log_lines (
  at timestamp with time zone not null,
  stream_made_at timestamp with time zone not null,
  sequence bigint not null,
  line integer not null,
  runner text not null,
  project text not null,
  function_uid text not null,
  function_id text not null,
  function_version integer not null,
  request_id text not null,
  level text not null,
  message text not null
) partition by RANGE (at);
create table migrations (
  name text not null,
  applied_at timestamp with time zone default now() not null
);
create table outbox (
  bucket text not null,
  key text not null,
  mark bigint default 1 not null,
  marked_at timestamp with time zone default now() not null
);
create table projects (
  id text not null,
  display_name text not null,
  version bigint default 1 not null,
  created_at timestamp with time zone default now() not null,
  updated_at timestamp with time zone default now() not null
);
create table release_targets (
  group_label text not null,
  environment text not null,
  release integer not null,
  function_uid text not null,
  qualifier text not null
);
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
  snapshot_digest text not null,
  created_at timestamp with time zone default now() not null
);
create table requests (
  at timestamp with time zone not null,
  stream_made_at timestamp with time zone not null,
  sequence bigint not null,
  place integer not null,
  gateway text not null,
  project text not null,
  request_id text not null,
  api text not null,
  function_id text not null,
  key_id text not null,
  status integer not null,
  reason text not null,
  path text not null,
  event jsonb not null
) partition by RANGE (at);
create table retired_snapshots (
  digest text not null,
  retired_at timestamp with time zone default now() not null
);
create table revisions (
  group_label text not null,
  number integer not null,
  base integer,
  note text not null,
  version bigint default 1 not null,
  created_at timestamp with time zone default now() not null
);
create table snapshots (
  digest text not null,
  packed bytea not null,
  created_at timestamp with time zone default now() not null
);

alter table alias_targets add constraint alias_targets_function_uid_alias_fkey FOREIGN KEY (function_uid, alias) REFERENCES aliases(function_uid, id) ON DELETE CASCADE;
alter table alias_targets add constraint alias_targets_pkey PRIMARY KEY (function_uid, alias, number);
alter table alias_targets add constraint alias_targets_version FOREIGN KEY (function_uid, number) REFERENCES function_versions(function_uid, number);
alter table alias_targets add constraint alias_targets_weight_check CHECK (((weight >= 1) AND (weight <= 100)));
alter table aliases add constraint aliases_function_uid_fkey FOREIGN KEY (function_uid) REFERENCES functions(uid) ON DELETE CASCADE;
alter table aliases add constraint aliases_min_instances_check CHECK (((min_instances >= 0) AND (min_instances <= 16)));
alter table aliases add constraint aliases_pkey PRIMARY KEY (function_uid, id);
alter table api_groups add constraint api_groups_access_check CHECK ((access = ANY (ARRAY['none'::text, 'authorized'::text])));
alter table api_groups add constraint api_groups_id UNIQUE (project, id);
alter table api_groups add constraint api_groups_pkey PRIMARY KEY (label);
alter table api_groups add constraint api_groups_project_fkey FOREIGN KEY (project) REFERENCES projects(id);
alter table apis add constraint apis_function_uid_fkey FOREIGN KEY (function_uid) REFERENCES functions(uid);
alter table apis add constraint apis_group_label_revision_fkey FOREIGN KEY (group_label, revision) REFERENCES revisions(group_label, number) ON DELETE CASCADE;
alter table apis add constraint apis_pkey PRIMARY KEY (group_label, revision, id);
alter table apis add constraint apis_route UNIQUE (group_label, revision, route);
alter table apis add constraint apis_uid UNIQUE (group_label, revision, uid);
alter table artifact_chunks add constraint artifact_chunks_digest_fkey FOREIGN KEY (digest) REFERENCES artifacts(digest) ON DELETE CASCADE;
alter table artifact_chunks add constraint artifact_chunks_pkey PRIMARY KEY (digest, number);
alter table artifacts add constraint artifacts_pkey PRIMARY KEY (digest);
alter table audit_chains add constraint audit_chains_pkey PRIMARY KEY (chain);
alter table audit_events add constraint audit_events_pkey PRIMARY KEY (chain, sequence, at);
alter table bus_streams add constraint bus_streams_pkey PRIMARY KEY (name);
alter table deployment_events add constraint deployment_events_group_label_environment_fkey FOREIGN KEY (group_label, environment) REFERENCES deployments(group_label, environment) ON DELETE CASCADE;
alter table deployment_events add constraint deployment_events_kind_check CHECK ((kind = ANY (ARRAY['offline'::text, 'online'::text, 'alias_moved'::text])));
alter table deployment_events add constraint deployment_events_pkey PRIMARY KEY (id);
alter table deployments add constraint deployments_environment_check CHECK ((environment = ANY (ARRAY['test'::text, 'preview'::text, 'online'::text])));
alter table deployments add constraint deployments_group_label_fkey FOREIGN KEY (group_label) REFERENCES api_groups(label) ON DELETE CASCADE;
alter table deployments add constraint deployments_pkey PRIMARY KEY (group_label, environment);
alter table deployments add constraint deployments_snapshot_digest_fkey FOREIGN KEY (snapshot_digest) REFERENCES snapshots(digest);
alter table deployments add constraint deployments_state_check CHECK ((state = ANY (ARRAY['unreleased'::text, 'serving'::text, 'offline'::text])));
alter table function_versions add constraint function_versions_artifact_digest_fkey FOREIGN KEY (artifact_digest) REFERENCES artifacts(digest);
alter table function_versions add constraint function_versions_function_uid_fkey FOREIGN KEY (function_uid) REFERENCES functions(uid) ON DELETE CASCADE;
alter table function_versions add constraint function_versions_pkey PRIMARY KEY (function_uid, number);
alter table functions add constraint functions_artifact_digest_fkey FOREIGN KEY (artifact_digest) REFERENCES artifacts(digest);
alter table functions add constraint functions_id UNIQUE (project, id);
alter table functions add constraint functions_pkey PRIMARY KEY (uid);
alter table functions add constraint functions_project_fkey FOREIGN KEY (project) REFERENCES projects(id);
alter table idempotent_requests add constraint idempotent_requests_pkey PRIMARY KEY (principal, method, request_id);
alter table invocations add constraint invocations_pkey PRIMARY KEY (at, stream_made_at, sequence);
alter table log_lines add constraint log_lines_pkey PRIMARY KEY (at, stream_made_at, sequence, line);
alter table migrations add constraint migrations_pkey PRIMARY KEY (name);
alter table outbox add constraint outbox_pkey PRIMARY KEY (bucket, key);
alter table projects add constraint projects_pkey PRIMARY KEY (id);
alter table release_targets add constraint release_targets_group_label_environment_release_fkey FOREIGN KEY (group_label, environment, release) REFERENCES releases(group_label, environment, number) ON DELETE CASCADE;
alter table release_targets add constraint release_targets_pkey PRIMARY KEY (group_label, environment, release, function_uid, qualifier);
alter table releases add constraint releases_group_label_environment_fkey FOREIGN KEY (group_label, environment) REFERENCES deployments(group_label, environment) ON DELETE CASCADE;
alter table releases add constraint releases_pkey PRIMARY KEY (group_label, environment, number);
alter table releases add constraint releases_snapshot_digest_fkey FOREIGN KEY (snapshot_digest) REFERENCES snapshots(digest);
alter table requests add constraint requests_pkey PRIMARY KEY (at, stream_made_at, sequence, place);
alter table retired_snapshots add constraint retired_snapshots_pkey PRIMARY KEY (digest);
alter table revisions add constraint revisions_group_label_fkey FOREIGN KEY (group_label) REFERENCES api_groups(label) ON DELETE CASCADE;
alter table revisions add constraint revisions_number_check CHECK (((number >= 0) AND (number <= 999999999)));
alter table revisions add constraint revisions_pkey PRIMARY KEY (group_label, number);
alter table snapshots add constraint snapshots_pkey PRIMARY KEY (digest);

CREATE INDEX alias_targets_by_version ON alias_targets USING btree (function_uid, number);
CREATE INDEX apis_by_function ON apis USING btree (function_uid) WHERE (function_uid IS NOT NULL);
CREATE INDEX artifacts_by_age ON artifacts USING btree (created_at);
CREATE INDEX audit_events_by_actor ON ONLY audit_events USING btree (actor, at, chain, sequence);
CREATE INDEX audit_events_by_project ON ONLY audit_events USING btree (project, at, chain, sequence);
CREATE INDEX audit_events_by_time ON ONLY audit_events USING btree (at, chain, sequence);
CREATE INDEX deployment_events_by_deployment ON deployment_events USING btree (group_label, environment, id);
CREATE INDEX deployments_by_snapshot ON deployments USING btree (snapshot_digest) WHERE (snapshot_digest IS NOT NULL);
CREATE INDEX functions_by_artifact ON functions USING btree (artifact_digest) WHERE (artifact_digest IS NOT NULL);
CREATE INDEX idempotent_requests_by_age ON idempotent_requests USING btree (created_at);
CREATE INDEX invocations_by_request ON ONLY invocations USING btree (project, request_id, at);
CREATE INDEX log_lines_by_arrival ON ONLY log_lines USING btree (project, stream_made_at, sequence, line);
CREATE INDEX log_lines_by_function ON ONLY log_lines USING btree (project, function_id, at DESC, sequence DESC, line DESC);
CREATE INDEX log_lines_by_project ON ONLY log_lines USING btree (project, at DESC, sequence DESC, line DESC);
CREATE INDEX log_lines_by_request ON ONLY log_lines USING btree (project, request_id, at DESC, sequence DESC, line DESC);
CREATE INDEX outbox_by_age ON outbox USING btree (marked_at, bucket, key);
CREATE INDEX release_targets_by_function ON release_targets USING btree (function_uid, qualifier);
CREATE INDEX releases_by_snapshot ON releases USING btree (snapshot_digest);
CREATE INDEX requests_by_api ON ONLY requests USING btree (project, api, at DESC, sequence DESC, place DESC);
CREATE INDEX requests_by_arrival ON ONLY requests USING btree (project, stream_made_at, sequence, place);
CREATE INDEX requests_by_function ON ONLY requests USING btree (project, function_id, at DESC, sequence DESC, place DESC);
CREATE INDEX requests_by_key ON ONLY requests USING btree (project, key_id, at DESC, sequence DESC, place DESC);
CREATE INDEX requests_by_project ON ONLY requests USING btree (project, at DESC, sequence DESC, place DESC);
CREATE INDEX requests_by_reason ON ONLY requests USING btree (project, reason, at DESC, sequence DESC, place DESC);
CREATE INDEX requests_by_request ON ONLY requests USING btree (project, request_id, at DESC, sequence DESC, place DESC);
CREATE INDEX requests_by_status ON ONLY requests USING btree (project, ((status / 100)), at DESC, sequence DESC, place DESC);
CREATE INDEX retired_snapshots_by_age ON retired_snapshots USING btree (retired_at);
CREATE INDEX versions_by_artifact ON function_versions USING btree (artifact_digest);
