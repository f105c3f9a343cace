-- Letters are carried side by side, no org and no recipient's server before all others; and it is known how many tries may have
-- delivered a letter without saying so.

-- The recipient's, in lower case. Only ASCII is folded: at worst a domain counts as two.
alter table letters add column domain text not null default '';
-- Tries that were handing it over when they broke off, or still are.
alter table letters add column unclear integer not null default 0;
-- Of the newest letter.
alter table invitations add column delivery_unclear integer not null default 0;

-- From org to org, in each from domain to domain, and of these the oldest.
create index letters_by_share on letters (org_id, domain, due, id);
