-- The audit log: a line for each call that changed something, in the transaction of the change, and for each refusal. Lines are only
-- appended: update, delete and truncate are refused, and the old go with their month's partition.
--
-- Lines of a chain are numbered without gaps, and each hash covers the one before: a line that was changed, taken out or put in later
-- breaks its chain. What is done to a project has its own chain, so that projects do not wait for each other.

create table audit_chains (
  chain text primary key,
  sequence bigint not null,
  hash bytea not null,
  at timestamptz not null
);

create table audit_events (
  chain text not null,
  sequence bigint not null,
  at timestamptz not null,
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
  hash bytea not null,
  primary key (chain, sequence, at)
) partition by range (at);
create index audit_events_by_time on audit_events (at, chain, sequence);
create index audit_events_by_project on audit_events (project, at, chain, sequence);
create index audit_events_by_actor on audit_events (actor, at, chain, sequence);

-- Of each column its length in bytes, a colon and its text, after the hash of the line before.
create function audit_event_hash(event audit_events) returns bytea
language sql stable as $$
  select sha256(event.previous_hash || convert_to(string_agg(octet_length(part) || ':' || part, '' order by place), 'UTF8'))
  from unnest(array[
    event.chain, event.sequence::text, (extract(epoch from event.at) * 1000000)::bigint::text, event.project, event.actor,
    event.credential, event.method, event.object, event.outcome, event.reason, event.fields, event.before, event.after, event.peer,
    event.user_agent, event.not_recorded::text
  ]) with ordinality as parts (part, place)
$$;

-- Locks the chain's row until the transaction ends: call it last.
create function append_audit_event(event json) returns void
language plpgsql as $$
declare
  head audit_chains;
  line audit_events;
begin
  insert into audit_chains (chain, sequence, hash, at)
  values (event ->> 'chain', 0, sha256(''), clock_timestamp())
  on conflict do nothing;
  select * into head from audit_chains where chain = event ->> 'chain' for update;
  line := json_populate_record(null::audit_events, event);
  line.sequence := head.sequence + 1;
  line.at := clock_timestamp();
  line.previous_hash := head.hash;
  line.hash := audit_event_hash(line);
  insert into audit_events values (line.*);
  update audit_chains set sequence = line.sequence, hash = line.hash, at = line.at where chain = line.chain;
end
$$;

create function refuse_audit_change() returns trigger
language plpgsql as $$
begin
  raise exception 'the audit log is append-only';
end
$$;
create trigger audit_events_append_only before update or delete on audit_events
for each row execute function refuse_audit_change();
create trigger audit_events_no_truncate before truncate on audit_events
for each statement execute function refuse_audit_change();

-- Months are of UTC.
create function make_audit_partitions(now timestamptz, months_ahead integer) returns void
language plpgsql as $$
declare
  month timestamp;
  name text;
begin
  perform pg_advisory_xact_lock(hashtextextended('audit_partitions', 0));
  for i in 0..months_ahead loop
    month := date_trunc('month', now at time zone 'UTC') + make_interval(months => i);
    name := 'audit_events_' || to_char(month, 'YYYY_MM');
    continue when to_regclass(name) is not null;
    execute format(
      'create table %I partition of audit_events for values from (%L) to (%L)',
      name, month || ' UTC', month + interval '1 month' || ' UTC'
    );
    execute format(
      'create trigger no_truncate before truncate on %I for each statement execute function refuse_audit_change()', name
    );
  end loop;
end
$$;

create function audit_partitions() returns table (name text, month timestamptz)
language sql stable as $$
  select c.relname::text, to_date(right(c.relname, 7), 'YYYY_MM')::timestamp at time zone 'UTC'
  from pg_inherits i
  join pg_class c on c.oid = i.inhrelid
  where i.inhparent = 'audit_events'::regclass
$$;

create function drop_audit_partitions(oldest timestamptz) returns void
language plpgsql as $$
declare
  old text;
begin
  for old in
    select name from audit_partitions() where (month at time zone 'UTC') + interval '1 month' <= oldest at time zone 'UTC'
  loop
    execute format('drop table %I', old);
  end loop;
end
$$;

-- The lines at which a chain is broken: changed, or not following the one before, or a last line that is missing. None: it is whole.
create function broken_audit_chains() returns table (chain text, sequence bigint)
language sql stable as $$
  select e.chain, e.sequence
  from (
    select
      line.chain, line.sequence, line.previous_hash, line.hash, audit_event_hash(line) as right_hash,
      lag(line.hash) over followers as hash_before, lag(line.sequence) over followers as sequence_before
    from audit_events line
    window followers as (partition by line.chain order by line.sequence)
  ) e
  where e.hash <> e.right_hash or e.previous_hash <> e.hash_before or e.sequence <> e.sequence_before + 1
  union all
  select c.chain, c.sequence
  from audit_chains c
  where c.at >= (select min(month) from audit_partitions())
    and not exists (select from audit_events e where e.chain = c.chain and e.sequence = c.sequence and e.hash = c.hash)
$$;

select make_audit_partitions(now(), 2);
