create table projects (
  id text primary key,
  display_name text not null,
  version bigint not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

-- Kept by libs/sql: what a create with a request id made.
create table idempotent_requests (
  principal text not null,
  method text not null,
  request_id uuid not null,
  request_hash bytea not null,
  resource text not null,
  created_at timestamptz not null default now(),
  primary key (principal, method, request_id)
);
create index idempotent_requests_by_age on idempotent_requests (created_at);

-- Kept by libs/projection: the keys on the bus that wait to be written.
create table outbox (
  bucket text not null,
  key text not null,
  mark bigint not null default 1,
  marked_at timestamptz not null default now(),
  primary key (bucket, key)
);
create index outbox_by_age on outbox (marked_at, bucket, key);

-- When each of the bus's streams was made: another instant than the one noted means that the bus has lost what it held.
create table bus_streams (
  name text primary key,
  made_at timestamptz not null
);
