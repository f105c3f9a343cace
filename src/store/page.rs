//! A page of a list, and where the pages beside it are.

use crate::scim::Record;
use crate::scim::list::{Position, SortKey, Start};

/// One page of a list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// All that match.
    pub total: usize,
    /// Those of this page.
    pub records: Vec<Record>,
    /// What each of them is sorted by.
    pub keys: Vec<Option<SortKey>>,
    /// Whether there are more in the direction in which the page was read.
    pub has_more: bool,
}

impl Page {
    /// Where the page after this one starts, which started at `start`; none if this is the last one.
    pub fn next(&self, start: &Start) -> Option<Start> {
        let has_next = self.has_more || matches!(start, Start::Before(_));
        Some(Start::After(self.position(self.records.len().checked_sub(1)?)?)).filter(|_| has_next)
    }

    /// Where the page before this one ends, which started at `start`; none if this is the first one.
    pub fn previous(&self, start: &Start) -> Option<Start> {
        let has_previous = match start {
            Start::Offset(_) => false,
            Start::After(_) => true,
            Start::Before(_) => self.has_more,
        };
        Some(Start::Before(self.position(0)?)).filter(|_| has_previous)
    }

    fn position(&self, at: usize) -> Option<Position> {
        Some(Position { key: self.keys.get(at)?.clone(), id: self.records.get(at)?.id })
    }
}
