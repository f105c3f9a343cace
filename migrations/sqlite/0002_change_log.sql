-- Every write leaves its event here, by whichever statement or cascade it came about: triggers cannot forget one. The writer says
-- in `author` for whom it writes, commit by commit; whoever writes with SQL alone is 'sql'. A version that did not change is no
-- event (V-05), but for a new password, which no version shows. Sign-ins and refusals, which write nothing else, come here as well.
--
-- The events of an org are a chain: before each commit the writer gives the new ones their place and the hash over themselves and
-- the one before (`org::audit::link`).

create table author (
  one     integer primary key check (one = 1),
  actor   text not null,
  -- The scopes that it may hand out, as bits.
  holds   integer not null default 0,
  at      integer,
  -- The last event that has its place in a chain.
  chained integer not null default 0
) strict;

insert into author (one, actor) values (1, 'sql');

create table change_log (
  seq            integer primary key,
  at             integer not null,
  org_id         blob not null check (length(org_id) = 16),
  actor          text not null,
  -- Whose token it was, and which request; both are the writer's to add.
  client         text,
  request        text,
  -- Where a trigger does not say it, the versions do.
  action         text,
  resource_type  text not null,
  resource_id    blob check (length(resource_id) = 16),
  -- Null before it was made, and after it is gone.
  version_before integer,
  version_after  integer,
  -- In the program's own words: scopes, or what was refused.
  detail         text,
  -- How many alike this one stands for.
  count          integer not null default 1,
  place          integer,
  hash           blob check (length(hash) = 32)
) strict;

create index change_log_by_time on change_log (org_id, at);
create index change_log_by_actor on change_log (org_id, actor, at);
create index change_log_by_resource on change_log (org_id, resource_id, at) where resource_id is not null;
create index change_log_by_request on change_log (org_id, request, at) where request is not null;

insert into sqlite_stat1 (tbl, idx, stat) values
  ('change_log', 'change_log_by_time', '10000000 1000000 2'),
  ('change_log', 'change_log_by_actor', '10000000 1000000 100000 2'),
  ('change_log', 'change_log_by_resource', '10000000 1000000 5 1'),
  ('change_log', 'change_log_by_request', '10000000 1000000 2 1');

-- The ends of each org's chain: how many events it has had, the hash of the last one, and the same of the last one that was forgotten.
create table chains (
  org_id         blob not null primary key,
  length         integer not null,
  hash           blob not null check (length(hash) = 32),
  forgotten      integer not null default 0,
  forgotten_hash blob not null default (zeroblob(32)) check (length(forgotten_hash) = 32)
) strict, without rowid;

-- An org is a resource of its parent.
create trigger orgs_logged after insert on orgs begin
  insert into change_log (at, org_id, actor, resource_type, resource_id, version_after)
  select coalesce(at, unixepoch() * 1000), coalesce(new.parent_id, new.id), actor, 'Organization', new.id, 1 from author;
end;

create trigger clients_logged after insert on clients begin
  insert into change_log (at, org_id, actor, resource_type, resource_id, version_after)
  select coalesce(at, unixepoch() * 1000), new.org_id, actor, 'Client', new.id, 1 from author;
end;

create trigger revoked_tokens_logged after insert on revoked_tokens begin
  insert into change_log (at, org_id, actor, action, resource_type, resource_id)
  select coalesce(at, unixepoch() * 1000), new.org_id, actor, 'revoked', 'Token', new.id from author;
end;

create trigger users_created after insert on users begin
  insert into change_log (at, org_id, actor, resource_type, resource_id, version_after)
  select coalesce(at, unixepoch() * 1000), new.org_id, actor, 'User', new.id, new.version from author;
end;

create trigger users_changed after update of version, password_hash on users
when new.version <> old.version or new.password_hash is not old.password_hash begin
  insert into change_log (at, org_id, actor, resource_type, resource_id, version_before, version_after)
  select coalesce(at, unixepoch() * 1000), new.org_id, actor, 'User', new.id, old.version, new.version from author;
end;

create trigger users_deleted after delete on users begin
  insert into change_log (at, org_id, actor, resource_type, resource_id, version_before)
  select coalesce(at, unixepoch() * 1000), old.org_id, actor, 'User', old.id, old.version from author;
end;

create trigger groups_created after insert on groups begin
  insert into change_log (at, org_id, actor, resource_type, resource_id, version_after)
  select coalesce(at, unixepoch() * 1000), new.org_id, actor, 'Group', new.id, new.version from author;
end;

create trigger groups_changed after update of version on groups when new.version <> old.version begin
  insert into change_log (at, org_id, actor, resource_type, resource_id, version_before, version_after)
  select coalesce(at, unixepoch() * 1000), new.org_id, actor, 'Group', new.id, old.version, new.version from author;
end;

create trigger groups_deleted after delete on groups begin
  insert into change_log (at, org_id, actor, resource_type, resource_id, version_before)
  select coalesce(at, unixepoch() * 1000), old.org_id, actor, 'Group', old.id, old.version from author;
end;

create trigger invitations_created after insert on invitations begin
  insert into change_log (at, org_id, actor, action, resource_type, resource_id, version_after)
  select coalesce(at, unixepoch() * 1000), new.org_id, actor, 'invited', 'Invitation', new.id, new.version from author;
end;

create trigger invitations_changed after update of version on invitations when new.version <> old.version begin
  insert into change_log (at, org_id, actor, action, resource_type, resource_id, version_before, version_after)
  select coalesce(at, unixepoch() * 1000), new.org_id, actor,
    case when new.status <> old.status then new.status when new.generation <> old.generation then 'resent' end,
    'Invitation', new.id, old.version, new.version from author;
end;

create trigger invitations_deleted after delete on invitations begin
  insert into change_log (at, org_id, actor, resource_type, resource_id, version_before)
  select coalesce(at, unixepoch() * 1000), old.org_id, actor, 'Invitation', old.id, old.version from author;
end;
