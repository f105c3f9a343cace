-- Credentials that are listed, and everything by which one is taken back. Whether a token still counts is asked of these rows at
-- every request; a token itself is never here.

-- A client of the parent that may enter the org: like a guest, of the immediate parent alone, and gone with what it stands for.
create table guest_clients (
  org_id        blob not null,
  client_id     blob not null,
  client_org_id blob not null,
  name          text,
  scope         text not null,
  created       integer not null,
  primary key (org_id, client_id),
  foreign key (org_id, client_org_id) references orgs (id, parent_id) on delete cascade,
  foreign key (client_id, client_org_id) references clients (id, org_id) on delete cascade
) strict;

create index guest_clients_by_client on guest_clients (client_id, client_org_id);

-- Another parent, other clients: what the old one's were allowed ends.
create trigger guest_clients_of_another_parent before update of parent_id on orgs when new.parent_id is not old.parent_id begin
  delete from guest_clients where org_id = old.id;
end;

-- Provisioning tokens, by their `jti`.
create table tokens (
  org_id      blob not null references orgs (id) on delete cascade,
  id          blob not null check (length(id) = 16),
  name        text,
  -- In whose name: a client_id of its own, or a person's.
  client_id   blob,
  user_id     blob,
  scope       text not null,
  created     integer not null,
  -- Before the token's `exp` where another took its place.
  expires_at  integer not null,
  last_used   integer,
  replaced_by blob,
  primary key (org_id, id),
  foreign key (org_id, user_id) references users (org_id, id) on delete cascade,
  check ((client_id is null) <> (user_id is null))
) strict;

create index tokens_by_user on tokens (org_id, user_id) where user_id is not null;
create index tokens_by_expiry on tokens (expires_at);

-- Tokens of a user or a client of the org, or (its own id) of all of the org, that were issued until then.
create table revoked_subjects (
  org_id     blob not null references orgs (id) on delete cascade,
  subject_id blob not null,
  until      integer not null,
  primary key (org_id, subject_id)
) strict, without rowid;

create index revoked_subjects_by_until on revoked_subjects (until);

-- Assertions of clients, each good for one use.
create table assertions_used (
  client_id  blob not null references clients (id) on delete cascade,
  id         blob not null check (length(id) = 32),
  expires_at integer not null,
  primary key (client_id, id)
) strict, without rowid;

create index assertions_used_by_expiry on assertions_used (expires_at);

-- A token whose row goes is dead, however that came about. What had expired is dead anyway.
create trigger tokens_deleted after delete on tokens
when old.expires_at > (select coalesce(at, unixepoch() * 1000) from author) begin
  insert into revoked_tokens (org_id, id, expires_at)
  select old.org_id, old.id, old.expires_at where exists (select 1 from orgs where id = old.org_id)
  on conflict do nothing;
end;

create trigger tokens_logged after insert on tokens begin
  insert into change_log (at, org_id, actor, resource_type, resource_id, version_after, detail)
  select coalesce(at, unixepoch() * 1000), new.org_id, actor, 'Token', new.id, 1, new.scope from author;
end;

create trigger revoked_subjects_logged after insert on revoked_subjects begin
  insert into change_log (at, org_id, actor, action, resource_type, resource_id)
  select coalesce(at, unixepoch() * 1000), new.org_id, actor, 'revoked', 'Revocation', new.subject_id from author;
end;

create trigger clients_changed after update of version on clients when new.version <> old.version begin
  insert into change_log (at, org_id, actor, resource_type, resource_id, version_before, version_after)
  select coalesce(at, unixepoch() * 1000), new.org_id, actor, 'Client', new.id, old.version, new.version from author;
end;

create trigger clients_deleted after delete on clients begin
  insert into change_log (at, org_id, actor, resource_type, resource_id, version_before)
  select coalesce(at, unixepoch() * 1000), old.org_id, actor, 'Client', old.id, old.version from author;
end;

create trigger guest_clients_created after insert on guest_clients begin
  insert into change_log (at, org_id, actor, resource_type, resource_id, version_after)
  select coalesce(at, unixepoch() * 1000), new.org_id, actor, 'Client', new.client_id, 1 from author;
end;

create trigger guest_clients_deleted after delete on guest_clients begin
  insert into change_log (at, org_id, actor, resource_type, resource_id, version_before)
  select coalesce(at, unixepoch() * 1000), old.org_id, actor, 'Client', old.client_id, 1 from author;
end;
