//! The one case folding: what is compared, indexed and unique is the key computed here, never `lower()` of an engine.

use precis_profiles::UsernameCaseMapped;
use precis_profiles::precis_core::profile::PrecisFastInvocation;
use unicode_normalization::UnicodeNormalization;

/// The key under which a text with `caseExact: false` is compared and indexed: full Unicode case folding over NFKC, so
/// `STRASSE` and `straße`, or a composed and a decomposed letter, are one (F-15).
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    // Folding can undo a composition, hence the second pass.
    caseless::default_case_fold_str(&text.nfkc().collect::<String>()).nfkc().collect()
}

/// The key under which a `userName` is unique in its org: PRECIS UsernameCaseMapped (RFC 8265 §3.3), and [`fold`] for
/// names that PRECIS refuses although real identity providers send them, such as those with a space (V-45, SEC S-39).
pub fn user_name_key(user_name: &str) -> String {
    if user_name.is_ascii() {
        return user_name.to_ascii_lowercase();
    }
    UsernameCaseMapped::enforce(user_name).map_or_else(|_| fold(user_name), |mapped| fold(&mapped))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_is_that_of_unicode_not_of_ascii() {
        for (one, other) in
            [("STRASSE", "straße"), ("É", "e\u{301}"), ("ΣΊΣΥΦΟΣ", "Σίσυφος"), ("Ada@ACME.test", "ada@acme.TEST")]
        {
            assert_eq!(fold(one), fold(other), "{one} {other}");
            assert_eq!(user_name_key(one), user_name_key(other), "{one} {other}");
        }
        assert_ne!(fold("ı"), fold("i"), "X-07, V-45: a dotless i is another letter");
    }

    #[test]
    fn folding_twice_changes_nothing() {
        for text in ["İstanbul", "ﬁ", "ſ", "K", "ＡＤＡ", "a b", "ǅ", "\u{345}\u{3b1}"] {
            assert_eq!(fold(&fold(text)), fold(text), "{text}");
            assert_eq!(user_name_key(&user_name_key(text)), user_name_key(text), "{text}");
        }
    }
}
