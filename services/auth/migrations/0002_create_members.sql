-- The projects that auth knows of: made with their first owner, forgotten with the project. Whoever adds to a project, or changes
-- its owners, locks its row, so that quotas and the rule of the last owner hold under concurrency.

create table projects (
  project_id text primary key,
  created_at timestamptz(3) not null
);

create table members (
  project_id text not null references projects,
  person_id text not null references people,
  role text not null check (role in ('owner', 'developer', 'viewer')),
  version integer not null default 1,
  created_at timestamptz(3) not null,
  primary key (project_id, person_id)
);
create index members_by_person on members (person_id);
