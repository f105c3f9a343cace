-- Whom a browser speaks for: people who signed in, by the hash of a secret that is nowhere else. They belong to the user at home, whose
-- guests they are asked for at every request.
create table sessions (
  -- SHA-256 of the secret.
  id         blob not null primary key check (length(id) = 32),
  org_id     blob not null,
  user_id    blob not null,
  created_at integer not null,
  -- Exact to a few minutes.
  seen_at    integer not null,
  expires_at integer not null,
  foreign key (org_id, user_id) references users (org_id, id) on delete cascade
) strict, without rowid;

create index sessions_by_user on sessions (org_id, user_id);
create index sessions_by_expiry on sessions (expires_at);

-- Whoever is shut out, or has another password, signs in again: also when all is as it was before.
create trigger sessions_ended after update of active, password_hash on users
when new.active < old.active or new.password_hash is not old.password_hash begin
  delete from sessions where org_id = new.org_id and user_id = new.id;
end;
