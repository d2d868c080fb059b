-- How much of what gateways and runners told of each project has arrived (src/events/series-store.ts). A teller numbers what it tells of a
-- project in series; what it says it told and is not stored is missing.
create table event_series (
  stream text not null,
  source text not null,
  project text not null,
  series bigint not null,
  told bigint not null,
  dropped bigint not null,
  received bigint not null,
  -- Of what was told and not received, so much is known to be gone, and has its gap.
  lost bigint not null,
  -- The message that told the most, and when the bus took it.
  stream_made_at timestamptz not null,
  sequence bigint not null,
  told_at timestamptz not null,
  -- Until then nothing of what was told was missing.
  whole_until timestamptz not null,
  primary key (stream, source, project, series)
);
create index event_series_by_time on event_series (told_at);
create index event_series_missing on event_series (stream) where told > received + lost;

-- Events that are missing, by days of UTC as the events themselves.
create table event_gaps (
  id bigint generated always as identity,
  at timestamptz not null,
  since timestamptz not null,
  stream text not null,
  project text not null,
  source text not null,
  cause text not null,
  count bigint not null,
  primary key (at, id)
) partition by range (at);
create index event_gaps_by_time on event_gaps (stream, project, at desc, id desc);
create index event_gaps_by_arrival on event_gaps (stream, project, id);
