-- What the migrations add up to, for reading. Compared with the catalog by src/schema.test.ts.

create table access_keys (
  key_id text not null,
  project_id text not null,
  display_name text not null,
  sealed_secret bytea not null,
  disabled boolean default false not null,
  version integer default 1 not null,
  created_at timestamp(3) with time zone not null
);
create table audit_chains (
  chain text not null,
  sequence bigint not null,
  hash bytea not null,
  at timestamp with time zone not null
);
create table audit_events_2026_11 (
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
);
create table audit_events_2026_12 (
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
);
create table audit_events_2027_01 (
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
);
create table authorizations (
  project_id text not null,
  group_id text not null,
  environment text not null,
  key_id text generated always as (COALESCE(access_key_id, subscription_key_id)) stored not null,
  access_key_id text,
  subscription_key_id text,
  host_label text not null,
  note text not null,
  created_at timestamp(3) with time zone not null
);
create table bus_streams (
  name text not null,
  made_at timestamp with time zone not null
);
create table idempotent_requests (
  principal text not null,
  method text not null,
  request_id uuid not null,
  request_hash bytea not null,
  resource text not null,
  created_at timestamp with time zone default now() not null
);
create table invitations (
  invitation_id text not null,
  person_id text not null,
  secret_hash text not null,
  expires_at timestamp(3) with time zone not null
);
create table members (
  project_id text not null,
  person_id text not null,
  role text not null,
  version integer default 1 not null,
  created_at timestamp(3) with time zone not null
);
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
create table people (
  person_id text not null,
  email text not null,
  display_name text not null,
  password_hash text,
  operator boolean default false not null,
  disabled boolean default false not null,
  version integer default 1 not null,
  created_at timestamp(3) with time zone not null
);
create table projects (
  project_id text not null,
  created_at timestamp(3) with time zone not null
);
create table sessions (
  session_id text not null,
  person_id text not null,
  secret_hash text not null,
  created_at timestamp(3) with time zone not null,
  expires_at timestamp(3) with time zone not null
);
create table subscription_keys (
  key_id text not null,
  project_id text not null,
  display_name text not null,
  key_hash text not null,
  disabled boolean default false not null,
  version integer default 1 not null,
  created_at timestamp(3) with time zone not null
);
create table tokens (
  token_id text not null,
  person_id text not null,
  display_name text not null,
  secret_hash text not null,
  created_at timestamp(3) with time zone not null,
  expires_at timestamp(3) with time zone not null,
  last_used_at timestamp(3) with time zone
);

alter table access_keys add constraint access_keys_display_name UNIQUE (project_id, display_name);
alter table access_keys add constraint access_keys_pkey PRIMARY KEY (key_id);
alter table access_keys add constraint access_keys_project_id_fkey FOREIGN KEY (project_id) REFERENCES projects(project_id);
alter table audit_chains add constraint audit_chains_pkey PRIMARY KEY (chain);
alter table audit_events add constraint audit_events_pkey PRIMARY KEY (chain, sequence, at);
alter table audit_events_2026_11 add constraint audit_events_2026_11_pkey PRIMARY KEY (chain, sequence, at);
alter table audit_events_2026_12 add constraint audit_events_2026_12_pkey PRIMARY KEY (chain, sequence, at);
alter table audit_events_2027_01 add constraint audit_events_2027_01_pkey PRIMARY KEY (chain, sequence, at);
alter table authorizations add constraint authorizations_access_key_id_fkey FOREIGN KEY (access_key_id) REFERENCES access_keys(key_id);
alter table authorizations add constraint authorizations_check CHECK ((num_nonnulls(access_key_id, subscription_key_id) = 1));
alter table authorizations add constraint authorizations_pkey PRIMARY KEY (project_id, group_id, environment, key_id);
alter table authorizations add constraint authorizations_project_id_fkey FOREIGN KEY (project_id) REFERENCES projects(project_id);
alter table authorizations add constraint authorizations_subscription_key_id_fkey FOREIGN KEY (subscription_key_id) REFERENCES subscription_keys(key_id);
alter table bus_streams add constraint bus_streams_pkey PRIMARY KEY (name);
alter table idempotent_requests add constraint idempotent_requests_pkey PRIMARY KEY (principal, method, request_id);
alter table invitations add constraint invitations_person_id_fkey FOREIGN KEY (person_id) REFERENCES people(person_id) ON DELETE CASCADE;
alter table invitations add constraint invitations_person_id_key UNIQUE (person_id);
alter table invitations add constraint invitations_pkey PRIMARY KEY (invitation_id);
alter table members add constraint members_person_id_fkey FOREIGN KEY (person_id) REFERENCES people(person_id);
alter table members add constraint members_pkey PRIMARY KEY (project_id, person_id);
alter table members add constraint members_project_id_fkey FOREIGN KEY (project_id) REFERENCES projects(project_id);
alter table members add constraint members_role_check CHECK ((role = ANY (ARRAY['owner'::text, 'developer'::text, 'viewer'::text])));
alter table migrations add constraint migrations_pkey PRIMARY KEY (name);
alter table outbox add constraint outbox_pkey PRIMARY KEY (bucket, key);
alter table people add constraint people_email UNIQUE (email);
alter table people add constraint people_pkey PRIMARY KEY (person_id);
alter table projects add constraint projects_pkey PRIMARY KEY (project_id);
alter table sessions add constraint sessions_person_id_fkey FOREIGN KEY (person_id) REFERENCES people(person_id) ON DELETE CASCADE;
alter table sessions add constraint sessions_pkey PRIMARY KEY (session_id);
alter table subscription_keys add constraint subscription_keys_display_name UNIQUE (project_id, display_name);
alter table subscription_keys add constraint subscription_keys_key_hash_key UNIQUE (key_hash);
alter table subscription_keys add constraint subscription_keys_pkey PRIMARY KEY (key_id);
alter table subscription_keys add constraint subscription_keys_project_id_fkey FOREIGN KEY (project_id) REFERENCES projects(project_id);
alter table tokens add constraint tokens_person_id_fkey FOREIGN KEY (person_id) REFERENCES people(person_id) ON DELETE CASCADE;
alter table tokens add constraint tokens_pkey PRIMARY KEY (token_id);

CREATE INDEX access_keys_by_project ON access_keys USING btree (project_id, created_at, key_id);
CREATE INDEX audit_events_2026_11_actor_at_chain_sequence_idx ON audit_events_2026_11 USING btree (actor, at, chain, sequence);
CREATE INDEX audit_events_2026_11_at_chain_sequence_idx ON audit_events_2026_11 USING btree (at, chain, sequence);
CREATE INDEX audit_events_2026_11_project_at_chain_sequence_idx ON audit_events_2026_11 USING btree (project, at, chain, sequence);
CREATE INDEX audit_events_2026_12_actor_at_chain_sequence_idx ON audit_events_2026_12 USING btree (actor, at, chain, sequence);
CREATE INDEX audit_events_2026_12_at_chain_sequence_idx ON audit_events_2026_12 USING btree (at, chain, sequence);
CREATE INDEX audit_events_2026_12_project_at_chain_sequence_idx ON audit_events_2026_12 USING btree (project, at, chain, sequence);
CREATE INDEX audit_events_2027_01_actor_at_chain_sequence_idx ON audit_events_2027_01 USING btree (actor, at, chain, sequence);
CREATE INDEX audit_events_2027_01_at_chain_sequence_idx ON audit_events_2027_01 USING btree (at, chain, sequence);
CREATE INDEX audit_events_2027_01_project_at_chain_sequence_idx ON audit_events_2027_01 USING btree (project, at, chain, sequence);
CREATE INDEX audit_events_by_actor ON ONLY audit_events USING btree (actor, at, chain, sequence);
CREATE INDEX audit_events_by_project ON ONLY audit_events USING btree (project, at, chain, sequence);
CREATE INDEX audit_events_by_time ON ONLY audit_events USING btree (at, chain, sequence);
CREATE INDEX authorizations_by_access_key ON authorizations USING btree (access_key_id);
CREATE INDEX authorizations_by_key ON authorizations USING btree (key_id);
CREATE INDEX authorizations_by_subscription_key ON authorizations USING btree (subscription_key_id);
CREATE INDEX idempotent_requests_by_age ON idempotent_requests USING btree (created_at);
CREATE INDEX invitations_by_expiry ON invitations USING btree (expires_at);
CREATE INDEX members_by_person ON members USING btree (person_id);
CREATE INDEX outbox_by_age ON outbox USING btree (marked_at);
CREATE INDEX sessions_by_expiry ON sessions USING btree (expires_at);
CREATE INDEX sessions_by_person ON sessions USING btree (person_id, created_at);
CREATE INDEX subscription_keys_by_project ON subscription_keys USING btree (project_id, created_at, key_id);
CREATE INDEX tokens_by_expiry ON tokens USING btree (expires_at);
CREATE INDEX tokens_by_person ON tokens USING btree (person_id, created_at, token_id);
CREATE UNIQUE INDEX authorizations_by_host ON authorizations USING btree (host_label, key_id);
