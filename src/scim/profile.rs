//! How forgiving an org is: one switch for each leniency and each choice that the RFCs leave open, and a record of those that
//! a request needed.
//!
//! `docs/profiles.md` shows the table below to people; a test holds the two together.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! quirks {
    ($($variant:ident $name:literal [$($preset:ident)*] $rows:literal $about:literal)+) => {
        /// A switch. Its place in this list is its bit in the database: new ones go to the end, none is ever taken out.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Quirk {
            $(#[doc = $about] $variant),+
        }

        impl Quirk {
            /// Every switch.
            pub const ALL: &'static [Quirk] = &[$(Quirk::$variant),+];

            /// The name in settings, logs and counters.
            pub const fn name(self) -> &'static str {
                match self { $(Quirk::$variant => $name),+ }
            }

            /// What the server does while it is on.
            pub const fn about(self) -> &'static str {
                match self { $(Quirk::$variant => $about),+ }
            }

            /// The rows that it decides, separated by blanks.
            pub const fn rows(self) -> &'static str {
                match self { $(Quirk::$variant => $rows),+ }
            }

            /// In which profiles it is on.
            const fn presets(self) -> &'static [Preset] {
                match self { $(Quirk::$variant => &[$(Preset::$preset),*]),+ }
            }
        }
    };
}

// What is forgiven first, then what is a choice. Interop follows draft-zollner-scim-interop-profile (W-04): strict, no PATCH
// without path, complex values replaced whole.
quirks! {
    OpCase "op-case" [Lenient] "EN-01 P-02" "`op` of a PATCH operation is taken in any case."
    BooleanAsText "boolean-as-text" [Lenient] "EN-02 EN-20 F-18 P-26" "`\"True\"` and `\"false\"` are taken for booleans, in bodies and in filters."
    EmptyText "empty-text" [Lenient Strict Interop] "EN-09 S-16 F-14" "An empty string leaves an attribute without a value; if off, it is refused."
    PathlessKeys "pathless-keys" [Lenient] "EN-03 EN-04 P-06" "The keys of a PATCH value without path are paths, with dots, brackets and URNs."
    BareExtension "bare-extension" [Lenient] "F-13 EN-09" "An attribute of an extension is found without its URN, if only one extension has it."
    FlatExtension "flat-extension" [Lenient] "EN-04" "An attribute of an extension may stand at the top of a body, named with its URN."
    SingleValueForArray "single-value-for-array" [Lenient] "EN-05 P-26" "One value is taken for an array of one."
    ArrayForSingleValue "array-for-single-value" [Lenient] "EN-05 EN-09 P-26" "An array of one is taken for its value, `[{\"value\": x}]` for x."
    BareValue "bare-value" [Lenient] "EN-09 EN-20 P-26" "A string is taken for `{\"value\": …}`."
    ManagerId "manager-id" [Lenient] "ON-02" "`managerId` of SCIM 1 is taken for `manager.value`."
    ValuePathCreated "value-path-created" [Lenient] "EN-06 EN-08 P-09 P-15" "A value path that matches nothing makes the element that its `eq` terms describe; if off, `noTarget`."
    RemoveWithValue "remove-with-value" [Lenient] "EN-11 P-19 JC-02 AU-04" "`remove` with a `value` removes those values alone; if off, it is refused. It never removes all."
    UnknownSchema "unknown-schema" [Lenient] "EN-13 EN-15 GO-02 S-48" "URNs in `schemas` that are none of the type's are passed over."
    UnknownAttribute "unknown-attribute" [Lenient] "S-47 Q-07" "Attributes that no schema has are passed over, and unknown members of a search."
    EqualReadOnly "equal-read-only" [Lenient Strict Interop] "OK-05 AU-03 P-21" "A PATCH may give a read-only attribute the value that it has."
    ReadOnlyInPatch "read-only-in-patch" [Lenient] "S-38 S-43" "A PATCH of `meta`, `groups` and other derived values is passed over."
    SchemasInPatch "schemas-in-patch" [Lenient Strict Interop] "AU-03 P-24" "A PATCH of `schemas` is passed over: they follow from the content. If off, it is refused."
    SubAttributeAfterBrackets "sub-attribute-after-brackets" [Lenient] "EN-16" "`emails[type eq \"work\"].value eq \"x\"` is a filter."
    BareReference "bare-reference" [Lenient] "EN-17 F-09" "A single complex attribute is compared by its `value`: `manager eq \"x\"`."
    JsonMediaType "json-media-type" [Lenient Strict Interop] "H-01 GO-01" "A body may be `application/json`."
    NoMediaType "no-media-type" [Lenient] "H-04" "A body without `Content-Type` is taken for SCIM."
    UntidyAddress "untidy-address" [Lenient Strict Interop] "H-07 ON-03" "Doubled slashes, a slash at the end and a bare `?` in an address do not matter; if off, 404."
    EmptyOperations "empty-operations" [Lenient] "EN-23 P-01" "A PATCH without operations changes nothing."
    BlankForPlus "blank-for-plus" [Lenient] "F-21" "A blank in a dateTime of a filter is the `+` that was not escaped."
    BareWord "bare-word" [Lenient] "F-24" "A literal of a filter may be one word without quotes."
    SchemasMissing "schemas-missing" [Lenient] "C-15 P-01" "Without `schemas` a body is what its address takes."
    SeveralPrimaries "several-primaries" [Lenient] "P-23" "Of several primary values in one operation the last one is."
    RemoveWithoutMatch "remove-without-match" [Lenient] "P-18" "`remove` with a filter that matches nothing changes nothing; if off, `noTarget`."
    BothProjections "both-projections" [Lenient] "A-08" "Beside `attributes`, `excludedAttributes` is passed over."
    OtherId "other-id" [Lenient] "U-04 KC-03" "PUT passes over an `id` in the body that is not the address's."
    PathlessPatch "pathless-patch" [Lenient Strict] "OK-04 P-06 P-10 W-04" "A PATCH operation may come without a path."
    ComplexReplacedWhole "complex-replaced-whole" [Interop] "P-12 W-04" "`replace` of a complex value drops the sub-attributes that it does not give."
    LabelsDropped "labels-dropped" [Lenient Strict Interop] "EN-12" "A value of which only `type`, `primary` and `display` are left is dropped."
    JsonInText "json-in-text" [] "EN-20" "A JSON object in a string is unpacked where a complex value is expected."
    MembersKept "members-kept" [] "U-08 KC-01" "PUT of a group without `members` keeps them."
    UnknownMembersSkipped "unknown-members-skipped" [] "S-45 OK-14" "Members who are no user or group of the organization are passed over."
    IfMatchRequired "if-match-required" [] "V-08" "PUT, PATCH and DELETE of users and groups need `If-Match`, else 428."
    ExternalIdUnique "external-id-unique" [] "S-19" "An `externalId` that another user or another group has is 409."
    GroupNameUnique "group-name-unique" [] "EN-26" "A group's `displayName` that another group has is 409."
    MethodCase "method-case" [Lenient] "B-02" "`method` of a Bulk operation is taken in any case."
    BareOperations "bare-operations" [Lenient] "B-04" "`data` of a PATCH in Bulk may be the operations alone."
    UnknownManager "unknown-manager" [Lenient] "S-44" "A manager may be nobody of the organization; if off, such a one is refused."
}

/// A profile by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// What identity providers really send is understood.
    Lenient,
    /// What the RFCs do not allow is refused.
    Strict,
    /// Strict, and what the interoperability draft asks for besides.
    Interop,
}

impl Preset {
    /// Every profile.
    pub const ALL: [Preset; 3] = [Preset::Lenient, Preset::Strict, Preset::Interop];

    /// The name in settings.
    pub const fn name(self) -> &'static str {
        match self {
            Preset::Lenient => "lenient",
            Preset::Strict => "strict",
            Preset::Interop => "interop",
        }
    }

    /// Its switches.
    pub const fn profile(self) -> Profile {
        let (mut bits, mut at) = (0, 0);
        while at < Quirk::ALL.len() {
            let presets = Quirk::ALL[at].presets();
            let mut nth = 0;
            while nth < presets.len() {
                if presets[nth] as u8 == self as u8 {
                    bits |= Quirks::of(Quirk::ALL[at]).0;
                }
                nth += 1;
            }
            at += 1;
        }
        Profile(Quirks(bits))
    }
}

/// What is taken from a client that does not keep to the RFCs, and what is done where they leave a choice: the switches that
/// are on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile(pub Quirks);

#[allow(non_upper_case_globals, reason = "the names of presets")]
impl Profile {
    /// See [`Preset::Lenient`].
    pub const Lenient: Profile = Preset::Lenient.profile();
    /// See [`Preset::Strict`].
    pub const Strict: Profile = Preset::Strict.profile();
    /// See [`Preset::Interop`].
    pub const Interop: Profile = Preset::Interop.profile();
}

impl Profile {
    /// Whether the switch is on.
    pub const fn has(self, quirk: Quirk) -> bool {
        self.0.contains(quirk)
    }
}

impl Default for Profile {
    fn default() -> Self {
        Profile::Lenient
    }
}

/// A set of switches; as the record of a request, those that it needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quirks(pub u64);

impl Quirks {
    /// None.
    pub fn new() -> Self {
        Quirks::default()
    }

    /// One.
    pub const fn of(quirk: Quirk) -> Self {
        Quirks(1 << quirk as u64)
    }

    /// Whether `quirk` is in it.
    pub const fn contains(self, quirk: Quirk) -> bool {
        self.0 & Quirks::of(quirk).0 != 0
    }

    /// Records that `quirk` was needed.
    pub fn note(&mut self, quirk: Quirk) {
        self.extend(Quirks::of(quirk));
    }

    /// Adds all of `others`.
    pub fn extend(&mut self, others: Quirks) {
        self.0 |= others.0;
    }

    /// Whether `profile` has `quirk`; if so, it is recorded.
    pub fn allow(&mut self, profile: Profile, quirk: Quirk) -> bool {
        if profile.has(quirk) {
            self.note(quirk);
        }
        profile.has(quirk)
    }

    /// Those in it, in the order of [`Quirk::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Quirk> {
        Quirk::ALL.iter().copied().filter(move |quirk| self.contains(*quirk))
    }

    /// Their names.
    pub fn names(self) -> Vec<&'static str> {
        self.iter().map(Quirk::name).collect()
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// The record of a request, written to from several places. A clone is the same record.
#[derive(Clone, Debug, Default)]
pub struct Noted(Arc<AtomicU64>);

impl Noted {
    /// Adds `quirks`.
    pub fn add(&self, quirks: Quirks) {
        self.0.fetch_or(quirks.0, Ordering::Relaxed);
    }

    /// All that was added.
    pub fn quirks(&self) -> Quirks {
        Quirks(self.0.load(Ordering::Relaxed))
    }
}

impl PartialEq for Noted {
    fn eq(&self, other: &Self) -> bool {
        self.quirks() == other.quirks()
    }
}

impl Eq for Noted {}

impl FromIterator<Quirk> for Quirks {
    fn from_iter<I: IntoIterator<Item = Quirk>>(quirks: I) -> Self {
        Quirks(quirks.into_iter().fold(0, |bits, quirk| bits | Quirks::of(quirk).0))
    }
}

/// A word that is not in the list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no {what} `{word}`, expected one of {}", known.join(" "))]
pub struct Unknown {
    what: &'static str,
    word: String,
    known: Vec<&'static str>,
}

impl Unknown {
    fn new(what: &'static str, word: &str, known: impl Iterator<Item = &'static str>) -> Self {
        Unknown { what, word: word.chars().take(64).collect(), known: known.collect() }
    }
}

impl FromStr for Quirk {
    type Err = Unknown;

    fn from_str(word: &str) -> Result<Self, Unknown> {
        let found = Quirk::ALL.iter().copied().find(|quirk| quirk.name() == word);
        found.ok_or_else(|| Unknown::new("switch", word, Quirk::ALL.iter().map(|quirk| quirk.name())))
    }
}

impl FromStr for Preset {
    type Err = Unknown;

    fn from_str(word: &str) -> Result<Self, Unknown> {
        let found = Preset::ALL.into_iter().find(|preset| preset.name() == word);
        found.ok_or_else(|| Unknown::new("profile", word, Preset::ALL.iter().map(|preset| preset.name())))
    }
}

impl fmt::Display for Quirk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_switch_has_a_bit_and_a_name_of_its_own() {
        assert!(Quirk::ALL.len() <= 63, "the database keeps them in one signed integer");
        let all: Quirks = Quirk::ALL.iter().copied().collect();
        assert_eq!(all.0.count_ones() as usize, Quirk::ALL.len());
        for quirk in Quirk::ALL {
            assert_eq!(quirk.name().parse(), Ok(*quirk));
        }
    }

    #[test]
    fn an_unknown_switch_is_named_and_those_that_exist_are_listed() {
        let error = "boolean-as-txt".parse::<Quirk>().expect_err("a typo").to_string();
        assert!(error.starts_with("there is no switch `boolean-as-txt`, expected one of op-case boolean-as-text "), "{error}");
        assert!(error.ends_with(" unknown-manager"), "{error}");
        let error = "loose".parse::<Preset>().expect_err("no profile").to_string();
        assert_eq!(error, "there is no profile `loose`, expected one of lenient strict interop");
    }

    #[test]
    fn the_page_for_people_has_every_switch_as_it_is() {
        let state = |quirk, preset: Preset| if preset.profile().has(quirk) { "on" } else { "off" };
        let line = |quirk: &Quirk| {
            let [lenient, strict, interop] = Preset::ALL.map(|preset| state(*quirk, preset));
            format!(
                "| `{quirk}` | {} | {} | {lenient} | {strict} | {interop} |\n",
                quirk.about(),
                quirk.rows().replace(' ', ", ")
            )
        };
        let table: String = Quirk::ALL.iter().map(line).collect();
        let page = include_str!("../../docs/profiles.md");
        assert!(page.ends_with(&table), "docs/profiles.md should end with\n{table}");
    }

    #[test]
    fn interop_is_strict_but_for_two() {
        // W-04.
        let differs = Quirks(Profile::Strict.0.0 ^ Profile::Interop.0.0);
        assert_eq!(differs.names(), ["pathless-patch", "complex-replaced-whole"]);
        assert!(Profile::Strict.0.iter().all(|quirk| Profile::Lenient.has(quirk)), "lenient takes all that strict takes");
    }

    #[test]
    fn what_is_needed_is_recorded_if_it_is_forgiven() {
        let mut quirks = Quirks::new();
        assert!(!quirks.allow(Profile::Strict, Quirk::BareWord) && quirks.is_empty());
        assert!(quirks.allow(Profile::Lenient, Quirk::BareWord));
        quirks.note(Quirk::OpCase);
        assert_eq!(quirks.names(), ["op-case", "bare-word"]);
    }
}
