-- What the migrations add up to, for reading. Compared with the catalog by src/schema.test.ts.

create table alarm_events (
  alarm_uid text not null,
  number integer not null,
  project text not null,
  at timestamp with time zone not null,
  from_state text not null,
  to_state text not null,
  value double precision,
  calls bigint not null,
  window_start timestamp with time zone not null,
  window_end timestamp with time zone not null,
  metric text not null,
  comparison text not null,
  threshold double precision not null,
  delivery text,
  delivery_id text,
  body text,
  attempts integer default 0 not null,
  attempted_at timestamp with time zone,
  next_attempt_at timestamp with time zone,
  status integer default 0 not null,
  error text default ''::text not null
);
create table alarms (
  uid text not null,
  project text not null,
  id text not null,
  description text not null,
  group_label text,
  environment text,
  api text not null,
  function_uid text,
  metric text not null,
  comparison text not null,
  threshold double precision not null,
  window_minutes integer not null,
  min_calls integer not null,
  alarm_after integer not null,
  ok_after integer not null,
  missing_data text not null,
  webhook_url text,
  webhook_gone_at timestamp with time zone,
  sealed_secret bytea not null,
  sealed_secret_before bytea,
  secret_overlap_until timestamp with time zone,
  state text default 'ok'::text not null,
  state_since timestamp with time zone not null,
  verdict text,
  verdict_count integer default 0 not null,
  value double precision,
  evaluated_to timestamp with time zone,
  evaluate_at timestamp with time zone not null,
  events integer default 0 not null,
  version bigint default 1 not null,
  created_at timestamp with time zone default now() not null,
  updated_at timestamp with time zone default now() not null
);
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
create table domain_certificates (
  domain_uid text not null,
  chain_pem text not null,
  sealed_key bytea not null,
  fingerprint text not null,
  hosts text not null,
  issuer text not null,
  key_algorithm text not null,
  not_before timestamp with time zone not null,
  not_after timestamp with time zone not null,
  uploaded_at timestamp with time zone not null
);
create table domains (
  uid text not null,
  project text not null,
  host text not null,
  token text not null,
  group_label text,
  environment text,
  verified_at timestamp with time zone,
  lost_at timestamp with time zone,
  version bigint default 1 not null,
  created_at timestamp with time zone default now() not null,
  updated_at timestamp with time zone default now() not null
);
create table event_gaps (
  id bigint generated always as identity not null,
  at timestamp with time zone not null,
  since timestamp with time zone not null,
  stream text not null,
  project text not null,
  source text not null,
  cause text not null,
  count bigint not null
) partition by RANGE (at);
create table event_series (
  stream text not null,
  source text not null,
  project text not null,
  series bigint not null,
  told bigint not null,
  dropped bigint not null,
  received bigint not null,
  lost bigint not null,
  stream_made_at timestamp with time zone not null,
  sequence bigint not null,
  told_at timestamp with time zone not null,
  whole_until timestamp with time zone not null
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
  updated_at timestamp with time zone default now() not null,
  versions_kept integer default 100 not null
);
create table idempotent_requests (
  principal text not null,
  method text not null,
  request_id uuid not null,
  request_hash bytea not null,
  resource text not null,
  created_at timestamp with time zone default now() not null
);
create table invocation_usage_days (
  function_uid text not null,
  version integer not null,
  at timestamp with time zone not null,
  count bigint not null,
  function_errors bigint not null,
  init_failures bigint not null,
  timeouts bigint not null,
  out_of_memory bigint not null,
  lost bigint not null,
  cancelled bigint not null,
  throttled bigint not null,
  cold_starts bigint not null,
  begun bigint not null,
  duration_us bigint not null,
  wait_us bigint not null,
  cpu_us bigint not null,
  bytes_in bigint not null,
  bytes_out bigint not null,
  memory_kib_max bigint not null,
  within_1 bigint not null,
  within_2 bigint not null,
  within_3 bigint not null,
  within_5 bigint not null,
  within_7 bigint not null,
  within_10 bigint not null,
  within_15 bigint not null,
  within_20 bigint not null,
  within_30 bigint not null,
  within_50 bigint not null,
  within_70 bigint not null,
  within_100 bigint not null,
  within_150 bigint not null,
  within_200 bigint not null,
  within_300 bigint not null,
  within_500 bigint not null,
  within_700 bigint not null,
  within_1000 bigint not null,
  within_2000 bigint not null,
  within_3000 bigint not null,
  within_5000 bigint not null,
  within_10000 bigint not null,
  within_30000 bigint not null,
  within_60000 bigint not null,
  within_300000 bigint not null,
  beyond bigint not null
);
create table invocation_usage_hours (
  function_uid text not null,
  version integer not null,
  at timestamp with time zone not null,
  count bigint not null,
  function_errors bigint not null,
  init_failures bigint not null,
  timeouts bigint not null,
  out_of_memory bigint not null,
  lost bigint not null,
  cancelled bigint not null,
  throttled bigint not null,
  cold_starts bigint not null,
  begun bigint not null,
  duration_us bigint not null,
  wait_us bigint not null,
  cpu_us bigint not null,
  bytes_in bigint not null,
  bytes_out bigint not null,
  memory_kib_max bigint not null,
  within_1 bigint not null,
  within_2 bigint not null,
  within_3 bigint not null,
  within_5 bigint not null,
  within_7 bigint not null,
  within_10 bigint not null,
  within_15 bigint not null,
  within_20 bigint not null,
  within_30 bigint not null,
  within_50 bigint not null,
  within_70 bigint not null,
  within_100 bigint not null,
  within_150 bigint not null,
  within_200 bigint not null,
  within_300 bigint not null,
  within_500 bigint not null,
  within_700 bigint not null,
  within_1000 bigint not null,
  within_2000 bigint not null,
  within_3000 bigint not null,
  within_5000 bigint not null,
  within_10000 bigint not null,
  within_30000 bigint not null,
  within_60000 bigint not null,
  within_300000 bigint not null,
  beyond bigint not null
);
create table invocation_usage_minutes (
  function_uid text not null,
  version integer not null,
  at timestamp with time zone not null,
  runner text not null,
  epoch bigint not null,
  number bigint not null,
  count bigint not null,
  function_errors bigint not null,
  init_failures bigint not null,
  timeouts bigint not null,
  out_of_memory bigint not null,
  lost bigint not null,
  cancelled bigint not null,
  throttled bigint not null,
  cold_starts bigint not null,
  begun bigint not null,
  duration_us bigint not null,
  wait_us bigint not null,
  cpu_us bigint not null,
  bytes_in bigint not null,
  bytes_out bigint not null,
  memory_kib_max bigint not null,
  within_1 bigint not null,
  within_2 bigint not null,
  within_3 bigint not null,
  within_5 bigint not null,
  within_7 bigint not null,
  within_10 bigint not null,
  within_15 bigint not null,
  within_20 bigint not null,
  within_30 bigint not null,
  within_50 bigint not null,
  within_70 bigint not null,
  within_100 bigint not null,
  within_150 bigint not null,
  within_200 bigint not null,
  within_300 bigint not null,
  within_500 bigint not null,
  within_700 bigint not null,
  within_1000 bigint not null,
  within_2000 bigint not null,
  within_3000 bigint not null,
  within_5000 bigint not null,
  within_10000 bigint not null,
  within_30000 bigint not null,
  within_60000 bigint not null,
  within_300000 bigint not null,
  beyond bigint not null
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
  created_at timestamp with time zone default now() not null,
  routing_rules jsonb default '[]'::jsonb not null
);
create table request_usage_days (
  host_label text not null,
  api text not null,
  key_id text not null,
  at timestamp with time zone not null,
  count bigint not null,
  status_2xx bigint not null,
  status_3xx bigint not null,
  status_4xx bigint not null,
  status_5xx bigint not null,
  unanswered bigint not null,
  limited bigint not null,
  failed_gateway bigint not null,
  failed_dispatch bigint not null,
  failed_runner bigint not null,
  failed_function bigint not null,
  failed_backend bigint not null,
  bytes_in bigint not null,
  bytes_out bigint not null,
  duration_us bigint not null,
  within_1 bigint not null,
  within_2 bigint not null,
  within_3 bigint not null,
  within_5 bigint not null,
  within_7 bigint not null,
  within_10 bigint not null,
  within_15 bigint not null,
  within_20 bigint not null,
  within_30 bigint not null,
  within_50 bigint not null,
  within_70 bigint not null,
  within_100 bigint not null,
  within_150 bigint not null,
  within_200 bigint not null,
  within_300 bigint not null,
  within_500 bigint not null,
  within_700 bigint not null,
  within_1000 bigint not null,
  within_2000 bigint not null,
  within_3000 bigint not null,
  within_5000 bigint not null,
  within_10000 bigint not null,
  within_30000 bigint not null,
  within_60000 bigint not null,
  within_300000 bigint not null,
  beyond bigint not null
);
create table request_usage_hours (
  host_label text not null,
  api text not null,
  key_id text not null,
  at timestamp with time zone not null,
  count bigint not null,
  status_2xx bigint not null,
  status_3xx bigint not null,
  status_4xx bigint not null,
  status_5xx bigint not null,
  unanswered bigint not null,
  limited bigint not null,
  failed_gateway bigint not null,
  failed_dispatch bigint not null,
  failed_runner bigint not null,
  failed_function bigint not null,
  failed_backend bigint not null,
  bytes_in bigint not null,
  bytes_out bigint not null,
  duration_us bigint not null,
  within_1 bigint not null,
  within_2 bigint not null,
  within_3 bigint not null,
  within_5 bigint not null,
  within_7 bigint not null,
  within_10 bigint not null,
  within_15 bigint not null,
  within_20 bigint not null,
  within_30 bigint not null,
  within_50 bigint not null,
  within_70 bigint not null,
  within_100 bigint not null,
  within_150 bigint not null,
  within_200 bigint not null,
  within_300 bigint not null,
  within_500 bigint not null,
  within_700 bigint not null,
  within_1000 bigint not null,
  within_2000 bigint not null,
  within_3000 bigint not null,
  within_5000 bigint not null,
  within_10000 bigint not null,
  within_30000 bigint not null,
  within_60000 bigint not null,
  within_300000 bigint not null,
  beyond bigint not null
);
create table request_usage_minutes (
  host_label text not null,
  api text not null,
  key_id text not null,
  at timestamp with time zone not null,
  gateway text not null,
  epoch bigint not null,
  number bigint not null,
  count bigint not null,
  status_2xx bigint not null,
  status_3xx bigint not null,
  status_4xx bigint not null,
  status_5xx bigint not null,
  unanswered bigint not null,
  limited bigint not null,
  failed_gateway bigint not null,
  failed_dispatch bigint not null,
  failed_runner bigint not null,
  failed_function bigint not null,
  failed_backend bigint not null,
  bytes_in bigint not null,
  bytes_out bigint not null,
  duration_us bigint not null,
  within_1 bigint not null,
  within_2 bigint not null,
  within_3 bigint not null,
  within_5 bigint not null,
  within_7 bigint not null,
  within_10 bigint not null,
  within_15 bigint not null,
  within_20 bigint not null,
  within_30 bigint not null,
  within_50 bigint not null,
  within_70 bigint not null,
  within_100 bigint not null,
  within_150 bigint not null,
  within_200 bigint not null,
  within_300 bigint not null,
  within_500 bigint not null,
  within_700 bigint not null,
  within_1000 bigint not null,
  within_2000 bigint not null,
  within_3000 bigint not null,
  within_5000 bigint not null,
  within_10000 bigint not null,
  within_30000 bigint not null,
  within_60000 bigint not null,
  within_300000 bigint not null,
  beyond bigint not null
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
create table test_events (
  function_uid text not null,
  id text not null,
  kind text not null,
  body text not null,
  version bigint default 1 not null,
  created_at timestamp with time zone default now() not null,
  updated_at timestamp with time zone default now() not null
);
create table usage_changes (
  kind text not null,
  level text not null,
  at timestamp with time zone not null,
  mark bigint default 1 not null
);

alter table alarm_events add constraint alarm_events_alarm_uid_fkey FOREIGN KEY (alarm_uid) REFERENCES alarms(uid) ON DELETE CASCADE;
alter table alarm_events add constraint alarm_events_delivery_check CHECK ((delivery = ANY (ARRAY['pending'::text, 'delivered'::text, 'failed'::text])));
alter table alarm_events add constraint alarm_events_pkey PRIMARY KEY (alarm_uid, number);
alter table alarms add constraint alarms_check CHECK (((group_label IS NULL) = (environment IS NULL)));
alter table alarms add constraint alarms_check1 CHECK (((group_label IS NULL) <> (function_uid IS NULL)));
alter table alarms add constraint alarms_function_uid_fkey FOREIGN KEY (function_uid) REFERENCES functions(uid) ON DELETE CASCADE;
alter table alarms add constraint alarms_group_label_environment_fkey FOREIGN KEY (group_label, environment) REFERENCES deployments(group_label, environment) ON DELETE CASCADE;
alter table alarms add constraint alarms_id UNIQUE (project, id);
alter table alarms add constraint alarms_pkey PRIMARY KEY (uid);
alter table alarms add constraint alarms_project_fkey FOREIGN KEY (project) REFERENCES projects(id);
alter table alarms add constraint alarms_state_check CHECK ((state = ANY (ARRAY['ok'::text, 'alarm'::text, 'no_data'::text])));
alter table alarms add constraint alarms_verdict_check CHECK ((verdict = ANY (ARRAY['breached'::text, 'kept'::text, 'missing'::text])));
alter table alarms add constraint alarms_window_minutes_check CHECK (((window_minutes >= 1) AND (window_minutes <= 60)));
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
alter table domain_certificates add constraint domain_certificates_domain_uid_fkey FOREIGN KEY (domain_uid) REFERENCES domains(uid) ON DELETE CASCADE;
alter table domain_certificates add constraint domain_certificates_pkey PRIMARY KEY (domain_uid);
alter table domains add constraint domains_check CHECK (((group_label IS NULL) = (environment IS NULL)));
alter table domains add constraint domains_group_label_environment_fkey FOREIGN KEY (group_label, environment) REFERENCES deployments(group_label, environment) ON DELETE SET NULL;
alter table domains add constraint domains_host UNIQUE (project, host);
alter table domains add constraint domains_pkey PRIMARY KEY (uid);
alter table domains add constraint domains_project_fkey FOREIGN KEY (project) REFERENCES projects(id) ON DELETE CASCADE;
alter table event_gaps add constraint event_gaps_pkey PRIMARY KEY (at, id);
alter table event_series add constraint event_series_pkey PRIMARY KEY (stream, source, project, series);
alter table function_versions add constraint function_versions_artifact_digest_fkey FOREIGN KEY (artifact_digest) REFERENCES artifacts(digest);
alter table function_versions add constraint function_versions_function_uid_fkey FOREIGN KEY (function_uid) REFERENCES functions(uid) ON DELETE CASCADE;
alter table function_versions add constraint function_versions_pkey PRIMARY KEY (function_uid, number);
alter table functions add constraint functions_artifact_digest_fkey FOREIGN KEY (artifact_digest) REFERENCES artifacts(digest);
alter table functions add constraint functions_id UNIQUE (project, id);
alter table functions add constraint functions_pkey PRIMARY KEY (uid);
alter table functions add constraint functions_project_fkey FOREIGN KEY (project) REFERENCES projects(id);
alter table functions add constraint functions_versions_kept_check CHECK (((versions_kept >= 1) AND (versions_kept <= 1000)));
alter table idempotent_requests add constraint idempotent_requests_pkey PRIMARY KEY (principal, method, request_id);
alter table invocation_usage_days add constraint invocation_usage_days_pkey PRIMARY KEY (function_uid, at, version);
alter table invocation_usage_hours add constraint invocation_usage_hours_pkey PRIMARY KEY (function_uid, at, version);
alter table invocation_usage_minutes add constraint invocation_usage_minutes_pkey PRIMARY KEY (function_uid, at, version, runner, epoch);
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
alter table request_usage_days add constraint request_usage_days_pkey PRIMARY KEY (host_label, at, api, key_id);
alter table request_usage_hours add constraint request_usage_hours_pkey PRIMARY KEY (host_label, at, api, key_id);
alter table request_usage_minutes add constraint request_usage_minutes_pkey PRIMARY KEY (host_label, at, api, key_id, gateway, epoch);
alter table requests add constraint requests_pkey PRIMARY KEY (at, stream_made_at, sequence, place);
alter table retired_snapshots add constraint retired_snapshots_pkey PRIMARY KEY (digest);
alter table revisions add constraint revisions_group_label_fkey FOREIGN KEY (group_label) REFERENCES api_groups(label) ON DELETE CASCADE;
alter table revisions add constraint revisions_number_check CHECK (((number >= 0) AND (number <= 999999999)));
alter table revisions add constraint revisions_pkey PRIMARY KEY (group_label, number);
alter table snapshots add constraint snapshots_pkey PRIMARY KEY (digest);
alter table test_events add constraint test_events_function_uid_fkey FOREIGN KEY (function_uid) REFERENCES functions(uid) ON DELETE CASCADE;
alter table test_events add constraint test_events_kind_check CHECK ((kind = ANY (ARRAY['jd'::text, 'aws-1'::text, 'aws-2'::text, 'request'::text])));
alter table test_events add constraint test_events_pkey PRIMARY KEY (function_uid, id);
alter table usage_changes add constraint usage_changes_kind_check CHECK ((kind = ANY (ARRAY['requests'::text, 'invocations'::text])));
alter table usage_changes add constraint usage_changes_level_check CHECK ((level = ANY (ARRAY['hours'::text, 'days'::text])));
alter table usage_changes add constraint usage_changes_pkey PRIMARY KEY (kind, level, at);

CREATE INDEX alarm_events_by_age ON alarm_events USING btree (at);
CREATE INDEX alarm_events_due ON alarm_events USING btree (next_attempt_at) WHERE (delivery = 'pending'::text);
CREATE INDEX alarm_events_pending ON alarm_events USING btree (alarm_uid, number) WHERE (delivery = 'pending'::text);
CREATE INDEX alarms_by_deployment ON alarms USING btree (group_label, environment) WHERE (group_label IS NOT NULL);
CREATE INDEX alarms_by_function ON alarms USING btree (function_uid) WHERE (function_uid IS NOT NULL);
CREATE INDEX alarms_due ON alarms USING btree (evaluate_at);
CREATE INDEX alias_targets_by_version ON alias_targets USING btree (function_uid, number);
CREATE INDEX apis_of_function ON apis USING btree (function_uid, group_label, revision, id) WHERE (function_uid IS NOT NULL);
CREATE INDEX artifacts_by_age ON artifacts USING btree (created_at);
CREATE INDEX audit_events_by_actor ON ONLY audit_events USING btree (actor, at, chain, sequence);
CREATE INDEX audit_events_by_project ON ONLY audit_events USING btree (project, at, chain, sequence);
CREATE INDEX audit_events_by_time ON ONLY audit_events USING btree (at, chain, sequence);
CREATE INDEX deployment_events_by_deployment ON deployment_events USING btree (group_label, environment, id);
CREATE INDEX deployment_events_by_time ON deployment_events USING btree (group_label, environment, created_at DESC, id DESC);
CREATE INDEX deployments_by_snapshot ON deployments USING btree (snapshot_digest) WHERE (snapshot_digest IS NOT NULL);
CREATE INDEX domains_by_deployment ON domains USING btree (group_label, environment) WHERE (group_label IS NOT NULL);
CREATE INDEX event_gaps_by_arrival ON ONLY event_gaps USING btree (stream, project, id);
CREATE INDEX event_gaps_by_time ON ONLY event_gaps USING btree (stream, project, at DESC, id DESC);
CREATE INDEX event_series_by_time ON event_series USING btree (told_at);
CREATE INDEX event_series_missing ON event_series USING btree (stream) WHERE (told > (received + lost));
CREATE INDEX functions_by_artifact ON functions USING btree (artifact_digest) WHERE (artifact_digest IS NOT NULL);
CREATE INDEX idempotent_requests_by_age ON idempotent_requests USING btree (created_at);
CREATE INDEX invocation_usage_days_by_age ON invocation_usage_days USING btree (at);
CREATE INDEX invocation_usage_hours_by_age ON invocation_usage_hours USING btree (at);
CREATE INDEX invocation_usage_minutes_by_age ON invocation_usage_minutes USING btree (at);
CREATE INDEX invocations_by_request ON ONLY invocations USING btree (project, request_id, at);
CREATE INDEX log_lines_by_arrival ON ONLY log_lines USING btree (project, stream_made_at, sequence, line);
CREATE INDEX log_lines_by_function ON ONLY log_lines USING btree (project, function_id, at DESC, sequence DESC, line DESC);
CREATE INDEX log_lines_by_project ON ONLY log_lines USING btree (project, at DESC, sequence DESC, line DESC);
CREATE INDEX log_lines_by_request ON ONLY log_lines USING btree (project, request_id, at DESC, sequence DESC, line DESC);
CREATE INDEX outbox_by_age ON outbox USING btree (marked_at, bucket, key);
CREATE INDEX release_targets_by_function ON release_targets USING btree (function_uid, qualifier);
CREATE INDEX release_targets_of_function ON release_targets USING btree (function_uid, group_label, environment, release, qualifier);
CREATE INDEX releases_by_snapshot ON releases USING btree (snapshot_digest);
CREATE INDEX releases_by_time ON releases USING btree (group_label, environment, created_at DESC, number DESC);
CREATE INDEX request_usage_days_by_age ON request_usage_days USING btree (at);
CREATE INDEX request_usage_hours_by_age ON request_usage_hours USING btree (at);
CREATE INDEX request_usage_minutes_by_age ON request_usage_minutes USING btree (at);
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
CREATE UNIQUE INDEX domains_holder ON domains USING btree (host) WHERE (verified_at IS NOT NULL);
