-- What functions printed. A line's place in the stream `logs` names it, so that a message that comes twice is stored once.
create table log_lines (
  stream_made_at timestamptz not null,
  sequence bigint not null,
  line integer not null,
  at timestamptz not null,
  project text not null,
  function_uid text not null,
  function_id text not null,
  function_version integer not null,
  request_id text not null,
  level text not null,
  message text not null,
  primary key (stream_made_at, sequence, line)
);
create index log_lines_by_project on log_lines (project, at desc, sequence desc, line desc);
create index log_lines_by_function on log_lines (project, function_id, at desc, sequence desc, line desc);
create index log_lines_by_request on log_lines (project, request_id, at desc, sequence desc, line desc);
create index log_lines_by_age on log_lines using brin (at);
