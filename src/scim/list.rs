//! RFC 7644 §3.4.2: what a list or search asks for.

use super::filter::{Attr, Filter};

/// A query within one resource type, resolved and bounded.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// Which resources; all if none.
    pub filter: Option<Filter>,
    /// By what; by id, which is by creation, if none (O-08). The id always breaks ties (O-06).
    pub sort: Option<(Attr, SortOrder)>,
    /// How many resources to pass over: `startIndex` less one.
    pub offset: usize,
    /// At most so many resources; 0 asks for the total alone (G-03).
    pub count: usize,
    /// Whether `groups` or `members` are read as well.
    pub references: bool,
}

/// RFC 7644 §3.4.2.3. Missing values come last ascending, first descending (O-03).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum SortOrder {
    /// The default.
    #[default]
    Ascending,
    /// The reverse.
    Descending,
}
