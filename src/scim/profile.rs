//! How forgiving an org is, and a record of what was forgiven.

/// What is taken from a client that does not keep to the RFCs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Profile {
    /// What identity providers really send is understood.
    #[default]
    Lenient,
    /// What the RFCs do not allow is refused.
    Strict,
}

/// The names of the leniencies that a request needed, each once, in the order met.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quirks(Vec<&'static str>);

impl Quirks {
    /// Nothing forgiven yet.
    pub fn new() -> Self {
        Quirks::default()
    }

    /// Records that `name` was needed.
    pub fn note(&mut self, name: &'static str) {
        if !self.0.contains(&name) {
            self.0.push(name);
        }
    }

    /// Whether `profile` forgives `name`; if so, it is recorded.
    pub fn allow(&mut self, profile: Profile, name: &'static str) -> bool {
        if profile == Profile::Lenient {
            self.note(name);
        }
        profile == Profile::Lenient
    }

    /// The names.
    pub fn names(&self) -> &[&'static str] {
        &self.0
    }
}
