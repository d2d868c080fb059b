-- Keys of the bus to be rendered anew, and the creates that were asked for with a request id.

create table outbox (
  bucket text not null,
  key text not null,
  mark bigint not null default 1,
  marked_at timestamptz not null default now(),
  primary key (bucket, key)
);
create index outbox_by_age on outbox (marked_at);

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
