-- What an invitation knows of its whole life: who may still be believed, who ended it and why, letters after the first, and how long
-- the membership is to last.

alter table invitations add column inviter_subject text;
alter table invitations add column membership_until integer;
alter table invitations add column ended_by text;
alter table invitations add column ended_via text check (ended_via in ('link', 'token'));
alter table invitations add column ended_reason text;
-- When its newest letter was queued, and when a reminder is due; null where none is, or no longer.
alter table invitations add column letter_at integer not null default 0;
alter table invitations add column remind_at integer;

-- Whether the guest was put into it; null until somebody accepts.
alter table invitation_groups add column is_given integer check (is_given in (0, 1));

alter table letters add column kind text not null default 'invitation' check (kind in ('invitation', 'reminder'));

-- When the membership of a guest ends; no later than that of its source.
alter table users add column until integer check (until is null or source_id is not null);
alter table tombstones add column until integer;

create unique index invitations_by_id on invitations (id);
create index invitations_by_expiry on invitations (expires_at) where status = 'pending';
create index invitations_by_reminder on invitations (remind_at) where remind_at is not null;
create index invitations_by_end on invitations (org_id, ended_at) where ended_at is not null;
create index users_by_until on users (until) where until is not null;

-- Invitations and letters of a day (UTC, counted from 1970) to one user of the parent; under the org's own id, those to all.
create table invitation_counts (
  org_id    blob not null references orgs (id) on delete cascade,
  day       integer not null,
  recipient blob not null,
  count     integer not null,
  primary key (org_id, day, recipient)
) strict, without rowid;

create index invitation_counts_by_day on invitation_counts (day);

-- The latest instant that a write knew. Where the clock has gone back since, what was over by then is written down as over.
alter table author add column latest integer not null default 0;
