//! RFC 7644 §3.14: versions as entity tags.

/// `W/"n"`, as in `ETag` and `meta.version`.
pub fn format(version: u64) -> String {
    format!("W/\"{version}\"")
}

/// Whether `header`, the value of `If-Match` or `If-None-Match`, names `version`: `*`, one tag or a list of tags.
///
/// Compared weakly: the RFC's own examples send weak tags where RFC 9110 wants strong ones (V-04).
pub fn matches(header: &str, version: u64) -> bool {
    let wanted = version.to_string();
    header.split(',').map(str::trim).any(|tag| {
        let opaque = tag.strip_prefix("W/").unwrap_or(tag);
        let opaque = opaque.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        tag == "*" || opaque == Some(wanted.as_str())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_compared_weakly() {
        assert_eq!(format(3), r#"W/"3""#);
        for header in ["*", r#"W/"3""#, r#""3""#, r#"W/"1", W/"3""#, r#" "2","3" "#] {
            assert!(matches(header, 3), "{header}");
        }
        for header in ["", "3", r#"w/"3""#, r#"W/"33""#, r#"W/"1", W/"2""#, r#""03""#, "W/*", "\""] {
            assert!(!matches(header, 3), "{header}");
        }
    }
}
