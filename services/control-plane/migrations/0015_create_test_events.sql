-- Events with which a function is tried.
create table test_events (
  function_uid text not null references functions on delete cascade,
  id text not null,
  kind text not null check (kind in ('jd', 'aws-1', 'aws-2', 'request')),
  -- JSON as it was typed.
  body text not null,
  version bigint not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (function_uid, id)
);
