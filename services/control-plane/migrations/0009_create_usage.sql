-- What gateways and runners counted, by minutes as each of them told, then by hours and days of UTC, which are sums over the level below and
-- are made again whenever something under them changes. The columns within_… and beyond are a histogram: how many took longer than the bound
-- before, and up to this many milliseconds.

-- A source's epoch begins with its process. Of two batches the one with the larger number is the newer.
create table request_usage_minutes (
  host_label text not null,
  api text not null,
  key_id text not null,
  at timestamptz not null,
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
  within_1 bigint not null, within_2 bigint not null, within_3 bigint not null, within_5 bigint not null,
  within_7 bigint not null, within_10 bigint not null, within_15 bigint not null, within_20 bigint not null,
  within_30 bigint not null, within_50 bigint not null, within_70 bigint not null, within_100 bigint not null,
  within_150 bigint not null, within_200 bigint not null, within_300 bigint not null, within_500 bigint not null,
  within_700 bigint not null, within_1000 bigint not null, within_2000 bigint not null, within_3000 bigint not null,
  within_5000 bigint not null, within_10000 bigint not null, within_30000 bigint not null, within_60000 bigint not null,
  within_300000 bigint not null, beyond bigint not null,
  primary key (host_label, at, api, key_id, gateway, epoch)
);
create index request_usage_minutes_by_age on request_usage_minutes (at);

create table request_usage_hours (like request_usage_minutes);
alter table request_usage_hours drop column gateway, drop column epoch, drop column number;
alter table request_usage_hours add primary key (host_label, at, api, key_id);
create index request_usage_hours_by_age on request_usage_hours (at);

create table request_usage_days (like request_usage_minutes);
alter table request_usage_days drop column gateway, drop column epoch, drop column number;
alter table request_usage_days add primary key (host_label, at, api, key_id);
create index request_usage_days_by_age on request_usage_days (at);

create table invocation_usage_minutes (
  function_uid text not null,
  version integer not null,
  at timestamptz not null,
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
  within_1 bigint not null, within_2 bigint not null, within_3 bigint not null, within_5 bigint not null,
  within_7 bigint not null, within_10 bigint not null, within_15 bigint not null, within_20 bigint not null,
  within_30 bigint not null, within_50 bigint not null, within_70 bigint not null, within_100 bigint not null,
  within_150 bigint not null, within_200 bigint not null, within_300 bigint not null, within_500 bigint not null,
  within_700 bigint not null, within_1000 bigint not null, within_2000 bigint not null, within_3000 bigint not null,
  within_5000 bigint not null, within_10000 bigint not null, within_30000 bigint not null, within_60000 bigint not null,
  within_300000 bigint not null, beyond bigint not null,
  primary key (function_uid, at, version, runner, epoch)
);
create index invocation_usage_minutes_by_age on invocation_usage_minutes (at);

create table invocation_usage_hours (like invocation_usage_minutes);
alter table invocation_usage_hours drop column runner, drop column epoch, drop column number;
alter table invocation_usage_hours add primary key (function_uid, at, version);
create index invocation_usage_hours_by_age on invocation_usage_hours (at);

create table invocation_usage_days (like invocation_usage_minutes);
alter table invocation_usage_days drop column runner, drop column epoch, drop column number;
alter table invocation_usage_days add primary key (function_uid, at, version);
create index invocation_usage_days_by_age on invocation_usage_days (at);

-- Hours and days that are to be made again.
create table usage_changes (
  kind text not null check (kind in ('requests', 'invocations')),
  level text not null check (level in ('hours', 'days')),
  at timestamptz not null,
  mark bigint not null default 1,
  primary key (kind, level, at)
);
