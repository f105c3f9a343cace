//! Who may be carried beside whom: letters under way are few, and no org and no recipient's server may have them all.

use std::collections::HashMap;
use std::hash::Hash;

use uuid::Uuid;

use super::Letter;
use crate::base::OrgId;

/// Letters under way, by org and by domain of the recipient.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shares {
    orgs: HashMap<OrgId, usize>,
    domains: HashMap<String, usize>,
    count: usize,
}

impl Shares {
    /// Letters under way at the same time.
    pub const ALL: usize = 16;
    /// Of them, those of one org.
    pub const ORG: usize = 8;
    /// Of them, those to one domain: a server that lets each of them wait holds up no other, nor the org's other letters.
    pub const DOMAIN: usize = 4;

    /// Counts a letter that is under way from now on.
    pub fn take(&mut self, org: OrgId, domain: &str) {
        self.count += 1;
        *self.orgs.entry(org).or_default() += 1;
        *self.domains.entry(domain.to_owned()).or_default() += 1;
    }

    /// A letter has come to its end.
    pub fn give_back(&mut self, letter: &Letter) {
        self.count = self.count.saturating_sub(1);
        lower(&mut self.orgs, &letter.org);
        lower(&mut self.domains, &letter.domain);
    }

    /// How many are under way.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Orgs that have no room left: at most [`ALL`](Shares::ALL) / [`ORG`](Shares::ORG).
    pub fn full_orgs(&self) -> Vec<OrgId> {
        self.orgs.iter().filter(|(_, count)| **count >= Self::ORG).map(|(org, _)| *org).collect()
    }

    /// Domains that have none: at most [`ALL`](Shares::ALL) / [`DOMAIN`](Shares::DOMAIN).
    pub fn full_domains(&self) -> Vec<String> {
        self.domains.iter().filter(|(_, count)| **count >= Self::DOMAIN).map(|(domain, _)| domain.clone()).collect()
    }

    /// Those of `waiting` that can go, as far as there is room, in their order.
    pub fn choose(&self, waiting: Vec<(Uuid, OrgId, String)>) -> Vec<Uuid> {
        let mut shares = self.clone();
        let mut chosen = Vec::new();
        for (id, org, domain) in waiting {
            let count = |count: Option<&usize>| count.copied().unwrap_or_default();
            let fits = count(shares.orgs.get(&org)) < Self::ORG && count(shares.domains.get(&domain)) < Self::DOMAIN;
            if fits && shares.count < Self::ALL {
                shares.take(org, &domain);
                chosen.push(id);
            }
        }
        chosen
    }
}

fn lower<K: Hash + Eq + Clone>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(letters: &[(u128, &str)]) -> Vec<(Uuid, OrgId, String)> {
        let one = |(id, (org, domain)): (u128, &(u128, &str))| {
            (Uuid::from_u128(id), OrgId(Uuid::from_u128(*org)), (*domain).to_owned())
        };
        (0..).zip(letters).map(one).collect()
    }

    fn chosen(shares: &Shares, letters: &[(u128, &str)]) -> Vec<u128> {
        shares.choose(waiting(letters)).into_iter().map(|id| id.as_u128()).collect()
    }

    #[test]
    fn neither_an_org_nor_a_domain_takes_all_places() {
        let none = Shares::default();
        assert_eq!(chosen(&none, &[(1, "a"); 9]), [0, 1, 2, 3]);
        let same_org = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"].map(|domain| (1, domain));
        assert_eq!(chosen(&none, &same_org), [0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(chosen(&none, &[(1, "a"), (2, "a"), (3, "a"), (4, "a"), (5, "a"), (6, "b")]), [0, 1, 2, 3, 5]);
        let many: Vec<String> = (0..100).map(|at| format!("d{at}")).collect();
        let many: Vec<_> = (0..).zip(&many).map(|(org, domain)| (org, domain.as_str())).collect();
        assert_eq!(chosen(&none, &many).len(), Shares::ALL);
    }

    #[test]
    fn what_is_under_way_counts_until_it_ends() {
        let mut shares = Shares::default();
        let org = OrgId(Uuid::from_u128(1));
        (0..Shares::DOMAIN).for_each(|_| shares.take(org, "a"));
        assert_eq!((shares.full_orgs(), shares.full_domains(), shares.len()), (vec![], vec!["a".into()], 4));
        assert_eq!(chosen(&shares, &[(1, "b"), (2, "a"), (2, "b")]), [0, 2]);
        (0..Shares::DOMAIN).for_each(|_| shares.take(org, "c"));
        assert_eq!((shares.full_orgs(), shares.len()), (vec![org], 8));
        assert_eq!(chosen(&shares, &[(1, "b"), (2, "a"), (2, "b")]), [2]);
        let letter = |domain: &str| Letter {
            id: Uuid::nil(),
            org,
            invitation: Uuid::nil().into(),
            generation: 1,
            domain: domain.into(),
            attempts: 0,
            unclear: 0,
            is_reminder: false,
        };
        shares.give_back(&letter("a"));
        assert_eq!(chosen(&shares, &[(1, "b"), (2, "a"), (2, "c")]), [0, 1]);
        (1..Shares::DOMAIN).for_each(|_| shares.give_back(&letter("a")));
        (0..Shares::DOMAIN).for_each(|_| shares.give_back(&letter("c")));
        assert_eq!(shares, Shares::default(), "nothing is kept of those who have none under way");
        assert!(shares.is_empty());
    }
}
