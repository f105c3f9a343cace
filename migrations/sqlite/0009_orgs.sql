-- An org as a resource of its parent, and who stands above whom.

-- What it chose beside profile, switches and log, and what of it holds: an object of objects, as the API shows it.
alter table orgs add column own_choices text not null default '{}';
alter table orgs add column choices text not null default '{}';

-- Its own share of `active`.
alter table orgs add column active_own integer not null default 1 check (active_own in (0, 1));
alter table orgs add column name_key text not null default '';
alter table orgs add column last_modified integer not null default 0;
alter table orgs add column version integer not null default 1;
alter table orgs add column doc text not null default '{}';

create index orgs_by_name on orgs (parent_id, name_key, id) where parent_id is not null;

-- Each org with itself and all its ancestors, so that a subtree, a path to the root and "is it below?" are one probe each. Kept by
-- the triggers alone.
create table org_paths (
  ancestor_id blob not null references orgs (id) on delete cascade,
  org_id      blob not null references orgs (id) on delete cascade,
  distance    integer not null,
  primary key (ancestor_id, org_id)
) strict, without rowid;

create index org_paths_by_org on org_paths (org_id, distance, ancestor_id);

create trigger orgs_placed after insert on orgs begin
  insert into org_paths (ancestor_id, org_id, distance)
  select new.id, new.id, 0
  union all
  select ancestor_id, new.id, distance + 1 from org_paths where org_id = new.parent_id;
end;

create trigger orgs_stay_a_tree before update of parent_id on orgs
when exists (select 1 from org_paths where ancestor_id = new.id and org_id = new.parent_id) begin
  select raise(abort, 'an organization would stand below itself');
end;

create trigger orgs_moved after update of parent_id on orgs when new.parent_id is not old.parent_id begin
  delete from org_paths
  where org_id in (select org_id from org_paths where ancestor_id = new.id)
    and ancestor_id not in (select org_id from org_paths where ancestor_id = new.id);
  insert into org_paths (ancestor_id, org_id, distance)
  select a.ancestor_id, d.org_id, a.distance + 1 + d.distance
  from org_paths a join org_paths d on d.ancestor_id = new.id
  where a.org_id = new.parent_id;
end;

create trigger orgs_changed after update of version on orgs when new.version <> old.version begin
  insert into change_log (at, org_id, actor, resource_type, resource_id, version_before, version_after)
  select coalesce(at, unixepoch() * 1000), coalesce(new.parent_id, new.id), actor, 'Organization', new.id, old.version,
    new.version
  from author;
end;

-- The parent that it leaves is told as well.
create trigger orgs_left after update of parent_id on orgs when new.parent_id is not old.parent_id begin
  insert into change_log (at, org_id, actor, resource_type, resource_id, version_before, version_after)
  select coalesce(at, unixepoch() * 1000), old.parent_id, actor, 'Organization', new.id, old.version, old.version + 1
  from author;
end;

create trigger orgs_deleted after delete on orgs begin
  insert into change_log (at, org_id, actor, resource_type, resource_id, version_before)
  select coalesce(at, unixepoch() * 1000), coalesce(old.parent_id, old.id), actor, 'Organization', old.id, old.version
  from author;
end;
