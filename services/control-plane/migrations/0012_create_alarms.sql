-- Rules over what a deployment or a function did, and how each stands. Exactly one of the two is named; when it goes, so do its alarms.
create table alarms (
  uid text primary key,
  project text not null references projects,
  id text not null,
  description text not null,
  group_label text,
  environment text,
  -- Id of an API of the deployment; empty for all of it.
  api text not null,
  function_uid text references functions on delete cascade,
  metric text not null,
  comparison text not null,
  threshold double precision not null,
  window_minutes integer not null check (window_minutes between 1 and 60),
  min_calls integer not null,
  alarm_after integer not null,
  ok_after integer not null,
  missing_data text not null,
  -- Null for nowhere.
  webhook_url text,
  -- When the receiver said that it is gone.
  webhook_gone_at timestamptz,
  -- Under the master key; the one before signs too until its time is over.
  sealed_secret bytea not null,
  sealed_secret_before bytea,
  secret_overlap_until timestamptz,
  state text not null default 'ok' check (state in ('ok', 'alarm', 'no_data')),
  state_since timestamptz not null,
  -- What the newest evaluations said, and how many of them in a row.
  verdict text check (verdict in ('breached', 'kept', 'missing')),
  verdict_count integer not null default 0,
  value double precision,
  evaluated_to timestamptz,
  evaluate_at timestamptz not null,
  -- Number of the newest event.
  events integer not null default 0,
  version bigint not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  check ((group_label is null) = (environment is null)),
  check ((group_label is null) <> (function_uid is null)),
  foreign key (group_label, environment) references deployments on delete cascade,
  constraint alarms_id unique (project, id)
);
create index alarms_due on alarms (evaluate_at);
create index alarms_by_deployment on alarms (group_label, environment) where group_label is not null;
create index alarms_by_function on alarms (function_uid) where function_uid is not null;

-- Changes of state, and of each what became of telling the webhook: the body is made once, so that every attempt is the same.
create table alarm_events (
  alarm_uid text not null references alarms on delete cascade,
  number integer not null,
  project text not null,
  at timestamptz not null,
  from_state text not null,
  to_state text not null,
  value double precision,
  calls bigint not null,
  window_start timestamptz not null,
  window_end timestamptz not null,
  metric text not null,
  comparison text not null,
  threshold double precision not null,
  -- Null when nobody is told.
  delivery text check (delivery in ('pending', 'delivered', 'failed')),
  delivery_id text,
  body text,
  attempts integer not null default 0,
  attempted_at timestamptz,
  -- While an attempt is under way: when it counts as lost.
  next_attempt_at timestamptz,
  status integer not null default 0,
  error text not null default '',
  primary key (alarm_uid, number)
);
create index alarm_events_due on alarm_events (next_attempt_at) where delivery = 'pending';
create index alarm_events_pending on alarm_events (alarm_uid, number) where delivery = 'pending';
create index alarm_events_by_age on alarm_events (at);
