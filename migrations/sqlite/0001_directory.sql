-- Everything of the first version. The parent-only rule lives here: a guest's or an invitation's source org must be the
-- parent of its org, and the source a user of that very org, or SQLite refuses the row. Ids are 16 bytes of a UUID, instants
-- milliseconds since 1970, `…_key` columns hold what `base::text` folds.

-- What belongs to an org goes with it: each table says so by its foreign key. Children stay in the way.
create table orgs (
  id               blob not null primary key check (length(id) = 16),
  parent_id        blob,
  root_id          blob not null,
  root_handle      text not null,
  handle           text not null,
  name             text not null,
  -- Effective: whether it and all its ancestors are.
  active           integer not null check (active in (0, 1)),
  created          integer not null,
  -- Sizes, so that `totalResults` of an unfiltered list costs one probe. Kept by the triggers below.
  user_count       integer not null default 0,
  group_count      integer not null default 0,
  invitation_count integer not null default 0,
  unique (root_id, handle),
  unique (id, parent_id),
  unique (id, root_id),
  foreign key (parent_id, root_id) references orgs (id, root_id),
  check ((parent_id is null) = (root_id = id))
) strict;

-- `{root}` in a URL.
create unique index orgs_by_root_handle on orgs (handle) where parent_id is null;
create index orgs_by_parent on orgs (parent_id, id) where parent_id is not null;

create table users (
  org_id           blob not null references orgs (id) on delete cascade,
  id               blob not null check (length(id) = 16),
  -- Of a guest: the user of the parent that it stands for.
  source_org_id    blob,
  source_id        blob,
  -- Where the chain of sources ends; itself, of a resident.
  home_org_id      blob not null,
  home_id          blob not null,
  invitation_id    blob,
  since            integer,
  user_name        text not null,
  user_name_key    text not null,
  display_name     text,
  display_name_key text,
  family_name_key  text,
  given_name_key   text,
  external_id      text,
  manager_id       text,
  -- Effective, and this row's own share of it.
  active           integer not null check (active in (0, 1)),
  active_own       integer not null check (active_own in (0, 1)),
  password_hash    text,
  created          integer not null,
  last_modified    integer not null,
  version          integer not null,
  doc              text not null,
  primary key (org_id, id),
  unique (org_id, user_name_key),
  foreign key (org_id, source_org_id) references orgs (id, parent_id),
  foreign key (source_org_id, source_id) references users (org_id, id) on delete cascade,
  check ((source_id is null) = (source_org_id is null)),
  check ((source_id is null) = (since is null)),
  check (source_id is not null or (home_org_id = org_id and home_id = id)),
  check (source_id is null or (password_hash is null and external_id is null))
) strict;

create unique index users_by_source on users (source_org_id, source_id, org_id) where source_id is not null;
create index users_by_display_name on users (org_id, display_name_key, id);
-- The given name rides along: what is asked of it is found here without a document.
create index users_by_name on users (org_id, family_name_key, id, given_name_key);
create index users_by_external_id on users (org_id, external_id, id) where external_id is not null;
create index users_by_manager on users (org_id, manager_id, id) where manager_id is not null;
create index users_by_last_modified on users (org_id, last_modified, id);

create table user_emails (
  org_id  blob not null,
  key     text not null,
  user_id blob not null,
  primary key (org_id, key, user_id),
  foreign key (org_id, user_id) references users (org_id, id) on delete cascade
) strict, without rowid;

create index user_emails_by_user on user_emails (org_id, user_id);

create table groups (
  org_id           blob not null references orgs (id) on delete cascade,
  id               blob not null check (length(id) = 16),
  display_name     text not null,
  display_name_key text not null,
  external_id      text,
  -- What members may do, separated by spaces.
  scopes           text,
  created          integer not null,
  last_modified    integer not null,
  version          integer not null,
  doc              text not null,
  primary key (org_id, id)
) strict;

create index groups_by_display_name on groups (org_id, display_name_key, id);
create index groups_by_external_id on groups (org_id, external_id, id) where external_id is not null;
create index groups_by_last_modified on groups (org_id, last_modified, id);
create index groups_with_scopes on groups (org_id) where scopes is not null;

-- Both ends are bound to the same org.
create table members (
  org_id      blob not null,
  group_id    blob not null,
  user_id     blob,
  subgroup_id blob,
  foreign key (org_id, group_id) references groups (org_id, id) on delete cascade,
  foreign key (org_id, user_id) references users (org_id, id) on delete cascade,
  foreign key (org_id, subgroup_id) references groups (org_id, id) on delete cascade,
  check ((user_id is null) <> (subgroup_id is null)),
  check (subgroup_id is null or subgroup_id <> group_id)
) strict;

create unique index members_of_group on members (org_id, group_id, user_id);
create unique index subgroups_of_group on members (org_id, group_id, subgroup_id) where subgroup_id is not null;
create index members_by_user on members (org_id, user_id, group_id) where user_id is not null;
create index members_by_subgroup on members (org_id, subgroup_id, group_id) where subgroup_id is not null;

create table invitations (
  org_id            blob not null,
  id                blob not null check (length(id) = 16),
  source_org_id     blob not null,
  source_id         blob not null,
  user_name         text not null,
  user_name_key     text not null,
  email             text not null,
  status            text not null check (status in ('pending', 'accepted', 'declined', 'revoked', 'expired')),
  generation        integer not null,
  message           text,
  locale            text,
  inviter           text not null,
  expires_at        integer not null,
  ended_at          integer,
  guest_id          blob,
  -- Of the newest letter.
  delivery_state    text not null,
  delivery_attempts integer not null,
  delivery_answer   text,
  delivery_sent_at  integer,
  created           integer not null,
  last_modified     integer not null,
  version           integer not null,
  primary key (org_id, id),
  foreign key (org_id, source_org_id) references orgs (id, parent_id) on delete cascade,
  foreign key (source_org_id, source_id) references users (org_id, id) on delete cascade,
  check ((status = 'pending') = (ended_at is null)),
  check (guest_id is null or status = 'accepted')
) strict;

create unique index invitations_pending on invitations (org_id, source_id) where status = 'pending';
create index invitations_by_source on invitations (source_org_id, source_id);
create index invitations_by_user_name on invitations (org_id, user_name_key, id);

-- The group may vanish; its name stays, so that whoever accepts can be told.
create table invitation_groups (
  org_id        blob not null,
  invitation_id blob not null,
  position      integer not null,
  group_id      blob not null,
  display       text not null,
  primary key (org_id, invitation_id, position),
  unique (org_id, group_id, invitation_id),
  foreign key (org_id, invitation_id) references invitations (org_id, id) on delete cascade
) strict, without rowid;

-- Letters that wait; the row goes when the letter is sent or given up.
create table letters (
  id            blob not null primary key check (length(id) = 16),
  org_id        blob not null,
  invitation_id blob not null,
  generation    integer not null,
  attempts      integer not null default 0,
  -- When it may be tried; while it is leased, when the lease ends.
  due           integer not null,
  foreign key (org_id, invitation_id) references invitations (org_id, id) on delete cascade
) strict;

create index letters_by_invitation on letters (org_id, invitation_id);

create table clients (
  id               blob not null primary key check (length(id) = 16),
  org_id           blob not null references orgs (id) on delete cascade,
  name             text,
  scope            text not null,
  -- One of these: SHA-256 of the secret, or the public keys of `private_key_jwt`, as a JWK set.
  secret_hash      blob check (length(secret_hash) = 32),
  jwks             text,
  -- The secret before the present one, while it is good.
  old_secret_hash  blob check (length(old_secret_hash) = 32),
  old_secret_until integer,
  created          integer not null,
  last_used        integer,
  version          integer not null default 1,
  unique (id, org_id),
  check ((secret_hash is null) <> (jwks is null)),
  check ((old_secret_hash is null) = (old_secret_until is null))
) strict;

create index clients_by_org on clients (org_id);

create table revoked_tokens (
  org_id     blob not null references orgs (id) on delete cascade,
  id         blob not null,
  expires_at integer not null,
  primary key (org_id, id)
) strict, without rowid;

create index revoked_tokens_by_expiry on revoked_tokens (expires_at);

create trigger users_counted after insert on users begin
  update orgs set user_count = user_count + 1 where id = new.org_id;
end;

create trigger users_uncounted after delete on users begin
  update orgs set user_count = user_count - 1 where id = old.org_id;
end;

create trigger groups_counted after insert on groups begin
  update orgs set group_count = group_count + 1 where id = new.org_id;
end;

create trigger groups_uncounted after delete on groups begin
  update orgs set group_count = group_count - 1 where id = old.org_id;
end;

create trigger invitations_counted after insert on invitations begin
  update orgs set invitation_count = invitation_count + 1 where id = new.org_id;
end;

create trigger invitations_uncounted after delete on invitations begin
  update orgs set invitation_count = invitation_count - 1 where id = old.org_id;
end;

-- Who a row is never changes; what the foreign keys promised at birth holds for life.
create trigger users_keep_their_source before update of org_id, id, source_org_id, source_id, home_org_id, home_id on users
when old.org_id is not new.org_id or old.id is not new.id or old.source_org_id is not new.source_org_id
  or old.source_id is not new.source_id or old.home_org_id is not new.home_org_id or old.home_id is not new.home_id begin
  select raise(abort, 'a user keeps its org and its source');
end;

-- Without figures the planner takes an org for ten rows and walks all of it rather than sort what an index finds. These are
-- the figures of a large tree: rows, and rows for each prefix of the index.
analyze;
delete from sqlite_stat1;
insert into sqlite_stat1 (tbl, idx, stat) values
  ('users', 'sqlite_autoindex_users_1', '1000000 100000 1'),
  ('users', 'sqlite_autoindex_users_2', '1000000 100000 1'),
  ('users', 'users_by_source', '1000000 100000 1 1'),
  ('users', 'users_by_display_name', '1000000 100000 2 1'),
  ('users', 'users_by_name', '1000000 100000 20 1 1'),
  ('users', 'users_by_external_id', '1000000 100000 1 1'),
  ('users', 'users_by_manager', '1000000 100000 10 1'),
  ('users', 'users_by_last_modified', '1000000 100000 2 1'),
  ('user_emails', 'user_emails', '1000000 100000 1 1'),
  ('user_emails', 'user_emails_by_user', '1000000 100000 1 1'),
  ('groups', 'sqlite_autoindex_groups_1', '100000 10000 1'),
  ('groups', 'groups_by_display_name', '100000 10000 1 1'),
  ('groups', 'groups_by_external_id', '100000 10000 1 1'),
  ('groups', 'groups_by_last_modified', '100000 10000 2 1'),
  ('groups', 'groups_with_scopes', '1000 10'),
  ('members', 'members_of_group', '5000000 500000 50 1'),
  ('members', 'subgroups_of_group', '10000 1000 2 1'),
  ('members', 'members_by_user', '5000000 500000 5 1'),
  ('members', 'members_by_subgroup', '10000 1000 2 1'),
  ('invitations', 'sqlite_autoindex_invitations_1', '1000000 100000 1'),
  ('invitations', 'invitations_pending', '100000 10000 1'),
  ('invitations', 'invitations_by_source', '1000000 100000 1'),
  ('invitations', 'invitations_by_user_name', '1000000 100000 1 1'),
  ('invitation_groups', 'invitation_groups', '1000000 100000 2 1'),
  ('invitation_groups', 'sqlite_autoindex_invitation_groups_2', '1000000 100000 100 1 1');
analyze sqlite_schema;
