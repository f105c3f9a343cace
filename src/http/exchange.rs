//! What is known of a request beside its answer: parts of the way through the house put it here, and `guardrail` and the
//! parsers of bodies read it.

use std::sync::{Arc, OnceLock};

use poem::Request;

use crate::scim::{Noted, Profile, Quirk, Quirks};

/// Of one request. A clone is the same one.
#[derive(Clone, Default)]
pub(super) struct Exchange(Arc<Inner>);

#[derive(Default)]
struct Inner {
    noted: Noted,
    profile: OnceLock<Profile>,
}

impl Exchange {
    /// That of `request`; a new one where it has none.
    pub(super) fn of(request: &Request) -> Exchange {
        request.data::<Exchange>().cloned().unwrap_or_default()
    }

    /// The caller is let in, where `profile` holds.
    pub(super) fn admit(&self, profile: Profile) {
        let _ = self.0.profile.set(profile);
    }

    /// Whether the org forgives `quirk`; if so, it is recorded. Before anybody is let in, everything is forgiven.
    pub(super) fn allow(&self, quirk: Quirk) -> bool {
        let mut quirks = Quirks::new();
        let is_allowed = quirks.allow(self.0.profile.get().copied().unwrap_or_default(), quirk);
        self.0.noted.add(quirks);
        is_allowed
    }

    /// The record of what was forgiven.
    pub(super) fn noted(&self) -> &Noted {
        &self.0.noted
    }
}
