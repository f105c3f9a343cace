-- Each org may choose how forgiving it is; what it does not choose it takes from its parent. The choice stands beside what
-- holds, which is written with it for the whole subtree, so that a request asks one row.

-- Its own choice. Switches are bits, in the order of `scim::Quirk`.
alter table orgs add column own_profile text check (own_profile in ('lenient', 'strict', 'interop'));
alter table orgs add column own_on integer not null default 0;
alter table orgs add column own_off integer not null default 0;
alter table orgs add column own_version integer not null default 0;

-- What holds.
alter table orgs add column profile text check (profile in ('lenient', 'strict', 'interop'));
alter table orgs add column quirks_on integer not null default 0;
alter table orgs add column quirks_off integer not null default 0;

create trigger settings_changed after update of own_version on orgs when new.own_version <> old.own_version begin
  insert into change_log (at, org_id, actor, resource_type, resource_id, version_before, version_after)
  select coalesce(at, unixepoch() * 1000), new.id, actor, 'Settings', new.id, old.own_version, new.own_version from author;
end;
