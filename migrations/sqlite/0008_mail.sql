-- Letters are carried side by side, no org and no recipient's server before all others; and it is known how many tries may have
-- delivered a letter without saying so.

-- The recipient's. Only ASCII is folded: at worst a domain counts as two.
alter table letters add column domain text not null default '';
-- Tries that were handing it over when they broke off, or still are.
alter table letters add column unclear integer not null default 0;
-- Of the newest letter.
alter table invitations add column delivery_unclear integer not null default 0;

create trigger letters_addressed after insert on letters begin
  update letters set domain = (
    select lower(substr(email, instr(email, '@') + 1)) from invitations where org_id = new.org_id and id = new.invitation_id
  )
  where id = new.id;
end;
