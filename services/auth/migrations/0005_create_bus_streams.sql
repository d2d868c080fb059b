-- When the stream behind the bucket `grants` was made: another instant than the one noted means that the bus has lost what it held.

create table bus_streams (
  name text primary key,
  made_at timestamptz not null
);
