create table api_groups (
  label text primary key,
  project text not null references projects,
  id text not null,
  description text not null,
  prefix text not null,
  access text not null check (access in ('none', 'authorized')),
  version bigint not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint api_groups_id unique (project, id)
);

-- `n.n.n` as one number, major * 1000000 + minor * 1000 + patch, so that order and successor are arithmetic.
create table revisions (
  group_label text not null references api_groups on delete cascade,
  number integer not null check (number between 0 and 999999999),
  base integer,
  note text not null,
  version bigint not null default 1,
  created_at timestamptz not null default now(),
  primary key (group_label, number)
);

create table apis (
  group_label text not null,
  revision integer not null,
  id text not null,
  uid text not null,
  definition jsonb not null,
  definition_bytes integer not null,
  -- Method, match and shape of the path: two APIs with the same would clash.
  route text not null,
  function_uid text references functions,
  version bigint not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (group_label, revision, id),
  foreign key (group_label, revision) references revisions on delete cascade,
  constraint apis_uid unique (group_label, revision, uid),
  constraint apis_route unique (group_label, revision, route)
);
create index apis_by_function on apis (function_uid) where function_uid is not null;
