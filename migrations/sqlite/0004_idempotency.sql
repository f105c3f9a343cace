-- A request that came with an Idempotency-Key, so that it is carried out once however often it is sent (B-16). Key and request are
-- kept as MACs: what was in them, a password perhaps, is not here.

create table requests_kept (
  org_id  blob not null references orgs (id) on delete cascade,
  key     blob not null,
  request blob not null,
  at      integer not null,
  -- The resource that it made, written by the same transaction.
  made    blob,
  -- The answer of a bulk request; null while it is under way, and for good where it was cut off.
  answer  text,
  primary key (org_id, key)
) strict, without rowid;

create index requests_kept_by_age on requests_kept (at);
create index requests_kept_by_org on requests_kept (org_id, at);
