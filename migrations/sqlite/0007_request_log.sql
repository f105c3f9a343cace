-- What identity providers asked, for an administrator who has to find out why something did not work. Bodies are redacted before
-- they come here; the worker forgets what is too old or too much.

create table request_log (
  org_id      blob not null references orgs (id) on delete cascade,
  -- In the order of time.
  id          blob not null check (length(id) = 16),
  at          integer not null,
  method      text not null,
  path        text not null,
  status      integer not null,
  duration_us integer not null,
  client      text,
  user_agent  text,
  quirks      integer not null,
  reason      text,
  body        text,
  primary key (org_id, id)
) strict;

create index request_log_by_age on request_log (at);

create table quirk_counts (
  org_id    blob not null references orgs (id) on delete cascade,
  quirk     text not null,
  count     integer not null,
  last_seen integer not null,
  primary key (org_id, quirk)
) strict, without rowid;

-- Whether successful reads are logged too: an org's own choice, and what holds.
alter table orgs add column own_log text check (own_log in ('all', 'writes'));
alter table orgs add column log text check (log in ('all', 'writes'));
