-- What happened, by days of UTC: a day that is over its time is dropped as a whole. Partitions are made as events come
-- (src/events/partition-store.ts). An event's place in its stream names it, so that a message that comes twice is stored once.
alter table log_lines rename to old_log_lines;
alter table old_log_lines rename constraint log_lines_pkey to old_log_lines_pkey;
drop index log_lines_by_project, log_lines_by_function, log_lines_by_request, log_lines_by_age;

create table log_lines (
  at timestamptz not null,
  stream_made_at timestamptz not null,
  sequence bigint not null,
  line integer not null,
  runner text not null,
  project text not null,
  function_uid text not null,
  function_id text not null,
  function_version integer not null,
  request_id text not null,
  level text not null,
  message text not null,
  primary key (at, stream_made_at, sequence, line)
) partition by range (at);
create index log_lines_by_project on log_lines (project, at desc, sequence desc, line desc);
create index log_lines_by_function on log_lines (project, function_id, at desc, sequence desc, line desc);
create index log_lines_by_request on log_lines (project, request_id, at desc, sequence desc, line desc);
create index log_lines_by_arrival on log_lines (project, stream_made_at, sequence, line);

do $$
declare
  day timestamptz;
begin
  for day in
    select distinct date_trunc('day', at, 'UTC')
    from old_log_lines
    where at >= date_trunc('day', now(), 'UTC') - interval '7 days' and at < date_trunc('day', now(), 'UTC') + interval '24 hours'
  loop
    execute format(
      'create table %I partition of log_lines for values from (%L) to (%L)',
      'log_lines_' || to_char(day at time zone 'UTC', 'YYYYMMDD'), day, day + interval '24 hours'
    );
  end loop;
end $$;
insert into log_lines (
  at, stream_made_at, sequence, line, runner, project, function_uid, function_id, function_version, request_id, level,
  message
)
select
  at, stream_made_at, sequence, line, '', project, function_uid, function_id, function_version, request_id, level,
  message
from old_log_lines
where at >= date_trunc('day', now(), 'UTC') - interval '7 days' and at < date_trunc('day', now(), 'UTC') + interval '24 hours';
drop table old_log_lines;

-- Calls of functions, as runners tell of them.
create table invocations (
  at timestamptz not null,
  stream_made_at timestamptz not null,
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
  bytes_out bigint not null,
  primary key (at, stream_made_at, sequence)
) partition by range (at);
create index invocations_by_request on invocations (project, request_id, at);

-- Requests, as gateways tell of them: what they are searched by, and the whole.
create table requests (
  at timestamptz not null,
  stream_made_at timestamptz not null,
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
  event jsonb not null,
  primary key (at, stream_made_at, sequence, place)
) partition by range (at);
create index requests_by_project on requests (project, at desc, sequence desc, place desc);
create index requests_by_request on requests (project, request_id, at desc, sequence desc, place desc);
create index requests_by_function on requests (project, function_id, at desc, sequence desc, place desc);
create index requests_by_api on requests (project, api, at desc, sequence desc, place desc);
create index requests_by_key on requests (project, key_id, at desc, sequence desc, place desc);
create index requests_by_reason on requests (project, reason, at desc, sequence desc, place desc);
create index requests_by_status on requests (project, (status / 100), at desc, sequence desc, place desc);
create index requests_by_arrival on requests (project, stream_made_at, sequence, place);
