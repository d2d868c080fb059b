-- People and their credentials. Secrets are kept as SHA-256 of 32 random bytes; passwords as argon2id.

create table people (
  person_id text primary key,
  email text not null,
  display_name text not null,
  -- Absent until the invitation is accepted.
  password_hash text,
  operator boolean not null default false,
  disabled boolean not null default false,
  version integer not null default 1,
  created_at timestamptz(3) not null,
  constraint people_email unique (email)
);

-- A person has at most one invitation; a new one replaces it.
create table invitations (
  invitation_id text primary key,
  person_id text not null unique references people on delete cascade,
  secret_hash text not null,
  expires_at timestamptz(3) not null
);
create index invitations_by_expiry on invitations (expires_at);

create table sessions (
  session_id text primary key,
  person_id text not null references people on delete cascade,
  secret_hash text not null,
  created_at timestamptz(3) not null,
  expires_at timestamptz(3) not null
);
create index sessions_by_person on sessions (person_id, created_at);
create index sessions_by_expiry on sessions (expires_at);

create table tokens (
  token_id text primary key,
  person_id text not null references people on delete cascade,
  display_name text not null,
  secret_hash text not null,
  created_at timestamptz(3) not null,
  expires_at timestamptz(3) not null,
  last_used_at timestamptz(3)
);
create index tokens_by_person on tokens (person_id, created_at, token_id);
create index tokens_by_expiry on tokens (expires_at);
