-- What a DELETE leaves behind, for an administrator who wants it back: nothing that SCIM reads or that holds a name. Of a guest
-- there is no document, since its identity belongs to the home user and is projected anew.

create table tombstones (
  org_id        blob not null references orgs (id) on delete cascade,
  id            blob not null check (length(id) = 16),
  kind          text not null check (kind in ('User', 'Group')),
  -- `userName` or `displayName`.
  display       text not null,
  source_org_id blob,
  source_id     blob,
  home_org_id   blob,
  home_id       blob,
  invitation_id blob,
  since         integer,
  active_own    integer,
  password_hash text,
  created       integer not null,
  version       integer not null,
  doc           text,
  deleted_at    integer not null,
  primary key (org_id, id),
  check ((doc is null) = (source_id is not null))
) strict;

create index tombstones_by_deletion on tombstones (org_id, deleted_at, id);
create index tombstones_by_age on tombstones (deleted_at);
create index tombstones_by_home on tombstones (home_org_id, home_id) where home_id is not null;

-- Memberships that went with it; it is one of the two ends.
create table tombstone_members (
  org_id       blob not null,
  tombstone_id blob not null,
  group_id     blob not null,
  member_id    blob not null,
  primary key (org_id, tombstone_id, group_id, member_id),
  foreign key (org_id, tombstone_id) references tombstones (org_id, id) on delete cascade
) strict, without rowid;
