-- Every write leaves its event here, by whichever statement or cascade it came about: triggers cannot forget one. The writer says
-- in `author` for whom it writes, commit by commit; whoever writes with SQL alone is 'sql'. A version that did not change is no
-- event (V-05), but for a new password, which no version shows.

create table author (
  one   integer primary key check (one = 1),
  actor text not null,
  -- The scopes that it may hand out, as bits.
  holds integer not null default 0,
  at    integer
) strict;

insert into author (one, actor) values (1, 'sql');

create table change_log (
  seq            integer primary key,
  at             integer not null,
  org_id         blob not null,
  actor          text not null,
  resource_type  text not null,
  resource_id    blob not null,
  -- Null before it was made, and after it is gone.
  version_before integer,
  version_after  integer
) strict;

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
  insert into change_log (at, org_id, actor, resource_type, resource_id, version_before)
  select coalesce(at, unixepoch() * 1000), new.org_id, actor, 'Token', new.id, 1 from author;
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
  insert into change_log (at, org_id, actor, resource_type, resource_id, version_after)
  select coalesce(at, unixepoch() * 1000), new.org_id, actor, 'Invitation', new.id, new.version from author;
end;

create trigger invitations_changed after update of version on invitations when new.version <> old.version begin
  insert into change_log (at, org_id, actor, resource_type, resource_id, version_before, version_after)
  select coalesce(at, unixepoch() * 1000), new.org_id, actor, 'Invitation', new.id, old.version, new.version from author;
end;

create trigger invitations_deleted after delete on invitations begin
  insert into change_log (at, org_id, actor, resource_type, resource_id, version_before)
  select coalesce(at, unixepoch() * 1000), old.org_id, actor, 'Invitation', old.id, old.version from author;
end;
