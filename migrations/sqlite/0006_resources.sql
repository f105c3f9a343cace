-- Schemas and resource types that a tree of orgs defines for itself, the resources of such types, and the values of which an org
-- has each once.

create table definitions (
  root_id blob not null references orgs (id) on delete cascade,
  kind    text not null check (kind in ('schema', 'type')),
  -- URN or name, in lower case.
  key     text not null,
  doc     text not null,
  unique (root_id, kind, key)
) strict;

-- Of a root: counts the changes of its tree's definitions.
alter table orgs add column schema_epoch integer not null default 0;

create table resources (
  org_id        blob not null references orgs (id) on delete cascade,
  type_id       blob not null check (length(type_id) = 16),
  id            blob not null check (length(id) = 16),
  type_name     text not null,
  external_id   text,
  created       integer not null,
  last_modified integer not null,
  version       integer not null,
  doc           text not null,
  primary key (org_id, type_id, id)
) strict;

create index resources_by_external_id on resources (org_id, type_id, external_id, id) where external_id is not null;
create index resources_by_last_modified on resources (org_id, type_id, last_modified, id);

-- `place` names resource type and attribute, `key` is what is compared.
create table unique_values (
  org_id blob not null references orgs (id) on delete cascade,
  place  text not null,
  key    text not null,
  owner  blob not null,
  primary key (org_id, place, key)
) strict, without rowid;

create index unique_values_by_owner on unique_values (org_id, owner);

-- What a deleted user or group had of them, to be claimed again when it is restored.
create table tombstone_values (
  org_id       blob not null,
  tombstone_id blob not null,
  place        text not null,
  key          text not null,
  primary key (org_id, tombstone_id, place, key),
  foreign key (org_id, tombstone_id) references tombstones (org_id, id) on delete cascade
) strict, without rowid;

create trigger users_give_back after delete on users begin
  delete from unique_values where org_id = old.org_id and owner = old.id;
end;

create trigger groups_give_back after delete on groups begin
  delete from unique_values where org_id = old.org_id and owner = old.id;
end;

create trigger resources_give_back after delete on resources begin
  delete from unique_values where org_id = old.org_id and owner = old.id;
end;

create trigger resources_created after insert on resources begin
  insert into change_log (at, org_id, actor, resource_type, resource_id, version_after)
  select coalesce(at, unixepoch() * 1000), new.org_id, actor, new.type_name, new.id, new.version from author;
end;

create trigger resources_changed after update of version on resources when new.version <> old.version begin
  insert into change_log (at, org_id, actor, resource_type, resource_id, version_before, version_after)
  select coalesce(at, unixepoch() * 1000), new.org_id, actor, new.type_name, new.id, old.version, new.version from author;
end;

create trigger resources_deleted after delete on resources begin
  insert into change_log (at, org_id, actor, resource_type, resource_id, version_before)
  select coalesce(at, unixepoch() * 1000), old.org_id, actor, old.type_name, old.id, old.version from author;
end;

-- All definitions of a tree count as one resource of its root.
create trigger definitions_changed after update of schema_epoch on orgs begin
  insert into change_log (at, org_id, actor, resource_type, resource_id, version_before, version_after)
  select coalesce(at, unixepoch() * 1000), new.id, actor, 'Schemas', new.id, old.schema_epoch, new.schema_epoch from author;
end;
