//! Filters as data: each line of the grammar's rows (F-..) with what becomes of it.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::base::limit::{FILTER_DEPTH_MAX, FILTER_TERMS_MAX};
use crate::scim::path::{Resolved, resolve};
use crate::scim::{Profile, Quirks, ResourceType, Schemas, ScimType};

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn show(filter: &Filter, node: NodeId) -> String {
    let name = |attr: &Attr| {
        let urn = attr.extension.as_ref().map_or(String::new(), |urn| format!("{urn}:"));
        let sub = attr.sub.as_ref().map_or(String::new(), |sub| format!(".{sub}"));
        format!("{urn}{}{sub}", attr.name)
    };
    match &filter.nodes[node] {
        Node::And(left, right) => format!("(and {} {})", show(filter, *left), show(filter, *right)),
        Node::Or(left, right) => format!("(or {} {})", show(filter, *left), show(filter, *right)),
        Node::Not(inner) => format!("(not {})", show(filter, *inner)),
        Node::Present(attr) => format!("(pr {})", name(attr)),
        Node::ValuePath(attr, inner) => format!("(in {} {})", name(attr), show(filter, *inner)),
        Node::Extension(urn) => format!("(extension {urn})"),
        Node::Schema(urn) => format!("(schema {urn})"),
        Node::Never => "never".to_owned(),
        Node::Compare(attr, op, literal) => {
            let literal = match literal {
                Literal::Text(text) => format!("{text:?}"),
                Literal::Number(number) => number.to_string(),
                Literal::Bool(truth) => truth.to_string(),
                Literal::Instant(at) => at.to_string(),
            };
            format!("({} {} {literal})", format!("{op:?}").to_lowercase(), name(attr))
        }
    }
}

#[track_caller]
fn check_as(resource_type: &ResourceType, profile: Profile, text: &str, expected: &str) {
    let got = match parse(text, resource_type, profile) {
        Ok(filter) => show(&filter, filter.root),
        Err(error) => {
            assert_eq!((error.status, error.scim_type), (400, Some(ScimType::InvalidFilter)), "{text}");
            format!("!! {}", error.detail)
        }
    };
    assert_eq!(got, expected, "{text}");
}

#[track_caller]
fn check(text: &str, expected: &str) {
    check_as(Schemas::core().user(), Profile::Strict, text, expected);
}

#[track_caller]
fn lenient(text: &str, expected: &str) {
    check_as(Schemas::core().user(), Profile::Lenient, text, expected);
}

#[test]
fn the_whole_grammar_is_read() {
    // F-01, F-02, F-10.
    check(r#"userName eq "ada""#, r#"(eq userName "ada")"#);
    check(r#"USERNAME Eq "ada" AND NOT (active EQ False)"#, r#"(and (eq userName "ada") (not (eq active false)))"#);
    check(r#"name.FAMILYNAME co "O'Malley""#, r#"(co name.familyName "O'Malley")"#);
    check("title pr", "(pr title)");
    check("name pr", "(pr name)"); // F-09
    for op in ["ne", "sw", "ew", "gt", "ge", "lt", "le"] {
        check(&format!("title {op} \"a\""), &format!("({op} title \"a\")"));
    }
    check("delivery.attempts pr", "!! no such attribute: `delivery.attempts` at 0 in filter");
    check_as(Schemas::core().invitation(), Profile::Strict, "delivery.attempts gt -1.5e0", "(gt delivery.attempts -1.5)");
    // F-03.
    check("title pr or nickName pr and locale pr", "(or (pr title) (and (pr nickName) (pr locale)))");
    check("title pr and nickName pr or locale pr", "(or (and (pr title) (pr nickName)) (pr locale))");
    check("(title pr or nickName pr) and locale pr", "(and (or (pr title) (pr nickName)) (pr locale))");
    check("title pr or nickName pr or locale pr", "(or (or (pr title) (pr nickName)) (pr locale))");
    // F-04.
    check("not(title pr)", "(not (pr title))");
    check("not ( not (title pr) ) and locale pr", "(and (not (not (pr title))) (pr locale))");
    // F-20.
    check(r#"userName eq "a\"\\\u00e4+ 🦀]""#, r#"(eq userName "a\"\\ä+ 🦀]")"#);
    // F-21.
    check(r#"meta.lastModified gt "2011-05-13T06:42:34+02:00""#, "(gt meta.lastModified 2011-05-13T04:42:34.000Z)");
    check(r#"meta.created le "2011-05-13T04:42:34""#, "(le meta.created 2011-05-13T04:42:34.000Z)");
}

#[test]
fn value_paths_bind_one_element() {
    // F-05, F-06.
    check(r#"emails[type eq "work" and value co "@x"]"#, r#"(in emails (and (eq emails.type "work") (co emails.value "@x")))"#);
    let inner = r#"emails[(type eq "work" or type eq "home") and not (primary eq true)] and active eq true"#;
    let tree = r#"(and (in emails (and (or (eq emails.type "work") (eq emails.type "home")) (not (eq emails.primary true)))) (eq active true))"#;
    check(inner, tree);
    check(r#"emails[value[type eq "x"]]"#, "!! a value path in a value path at 7 in filter");
    check(r#"userName[value eq "x"]"#, "!! `userName`, which has no sub-attributes, at 0 in filter");
    check(r#"emails[userName eq "x"]"#, "!! no such attribute: `userName` at 7 in filter");
    check("emails[]", "!! unexpected `]` at 7 in filter, expected an attribute, `not` or `(`");
    check("emails[type pr", "!! unexpected end at 14 in filter, expected `and`, `or` or `]`");
    check("emails[(type pr]", "!! unexpected `]` at 15 in filter, expected `and`, `or` or `)`");
    // EN-16.
    let both = r#"(and (in emails (and (eq emails.type "work") (eq emails.value "x"))) (pr title))"#;
    lenient(r#"emails[type eq "work"].value eq "x" and title pr"#, both);
    check(r#"emails[type eq "work"].value eq "x""#, "!! unexpected `.value` at 22 in filter, expected `and` or `or`");
    lenient(r#"emails[type eq "work"].nope eq "x""#, "!! no such attribute: `.nope` at 22 in filter");
}

#[test]
fn a_complex_attribute_means_its_value() {
    // F-08, F-09, EN-17.
    check(r#"emails co "x""#, r#"(co emails.value "x")"#);
    check(r#"emails.type eq "work""#, r#"(eq emails.type "work")"#);
    check_as(Schemas::core().group(), Profile::Strict, r#"members eq "1""#, r#"(eq members.value "1")"#);
    lenient(r#"id eq "1" and manager eq "2""#, &format!(r#"(and (eq id "1") (eq {ENTERPRISE}:manager.value "2"))"#));
    let complex = "!! `name`, which is complex, compared; expected one of its sub-attributes at 5 in filter";
    check(r#"name eq "x""#, complex);
}

#[test]
fn urns_are_part_of_names() {
    // F-11, F-12, F-13, F-27.
    check(r#"urn:ietf:params:scim:schemas:core:2.0:User:userName sw "J""#, r#"(sw userName "J")"#);
    check(&format!(r#"{ENTERPRISE}:manager.value eq "1""#), &format!(r#"(eq {ENTERPRISE}:manager.value "1")"#));
    check(&format!("{ENTERPRISE} pr"), &format!("(extension {ENTERPRISE})"));
    check(
        &format!(r#"{ENTERPRISE} eq "x""#),
        "!! an operator that a whole extension does not have, expected `pr` at 59 in filter",
    );
    lenient("department pr", &format!("(pr {ENTERPRISE}:department)"));
    check("department pr", "!! no such attribute: `department` at 0 in filter");
    let core = r#"urn:ietf:params:scim:schemas:core:2.0:User[userName eq "x"]"#;
    check(core, "!! no such attribute: `urn:ietf:params:scim:schemas:core:2.0:User` at 0 in filter");
    check(&format!("schemas eq {:?}", ENTERPRISE.to_uppercase()), &format!("(schema {ENTERPRISE})"));
    check(r#"schemas ne "urn:x""#, "(not (schema urn:x))");
    check(r#"schemas co "urn""#, "!! a URN compared otherwise than by `eq` or `ne` at 11 in filter");
}

#[test]
fn a_comparison_fits_the_type() {
    // F-16, F-17, F-18, F-19, F-22, F-23, F-25.
    check("active gt true", "!! an operator that `active` does not have at 7 in filter");
    check(r#"x509Certificates gt "A""#, "!! an operator that `x509Certificates.value` does not have at 17 in filter");
    check(r#"meta.created co "2011""#, "!! an operator that `meta.created` does not have at 13 in filter");
    check(r#"profileUrl co "x""#, r#"(co profileUrl "x")"#);
    check(r#"active eq "True""#, "!! unexpected string at 10 in filter, expected `true` or `false`");
    check("userName eq 1", "!! unexpected `1` at 12 in filter, expected a value in quotes");
    check(r#"meta.created gt "yesterday""#, "!! unexpected string at 16 in filter, expected a dateTime in quotes");
    check("title eq null", "(not (pr title))");
    check("emails ne NULL", "(pr emails)");
    check("title gt null", "!! unexpected `null` at 9 in filter, expected a value in quotes");
    check(r#"userName regex "x""#, "!! unexpected `regex` at 9 in filter, expected an operator such as `eq`");
    check(r#"nope eq "x""#, "!! no such attribute: `nope` at 0 in filter");
    for probe in ["password pr", r#"password eq "x""#, r#"not (urn:ietf:params:scim:schemas:core:2.0:User:PassWord sw "x")"#] {
        let error = parse(probe, Schemas::core().user(), Profile::Lenient).expect_err("F-25");
        assert!(error.detail.starts_with("`password`, which no filter may use, at "), "{}", error.detail);
    }
}

#[test]
fn what_identity_providers_send_is_understood() {
    lenient(r#"active eq "True""#, "(eq active true)"); // EN-02, F-18
    lenient(r#"roles[primary eq "False"]"#, "(in roles (eq roles.primary false))"); // EN-20
    lenient("externalId eq jyoung", r#"(eq externalId "jyoung")"#); // F-24
    lenient("meta.resourceType eq User", r#"(eq meta.resourceType "User")"#);
    lenient("externalId eq 42", r#"(eq externalId "42")"#);
    // S-58: nor does a bare word take what a quoted one may not.
    lenient("userName eq a\0b", r"!! unexpected `\0` at 13 in filter, expected `and` or `or`");
    lenient("userName eq a b", "!! unexpected `b` at 14 in filter, expected `and` or `or`");
    lenient(r#"meta.created gt "2011-05-13T06:42:34 02:00""#, "(gt meta.created 2011-05-13T04:42:34.000Z)"); // F-21
    check(
        r#"meta.created gt "2011-05-13T06:42:34 02:00""#,
        "!! unexpected string at 16 in filter, expected a dateTime in quotes",
    );
}

#[test]
fn what_does_not_parse_is_refused_with_its_place() {
    // F-30.
    check("", "!! unexpected end at 0 in filter, expected an attribute, `not` or `(`");
    check("userName eq", "!! unexpected end at 11 in filter, expected a value in quotes");
    check("userName        ,", "!! unexpected `,` at 16 in filter, expected an operator such as `eq`");
    check(r#"userName eq "x" junk"#, "!! unexpected `junk` at 16 in filter, expected `and` or `or`");
    check(r#"userName eq "x" and"#, "!! unexpected end at 19 in filter, expected an attribute, `not` or `(`");
    check(r#"userName eq "x"#, "!! a string that does not end at 12 in filter");
    check(r#"userName eq "\x""#, "!! a string with a wrong escape at 12 in filter");
    check(r#"userName eq "\u0000""#, "!! a string with a wrong escape at 12 in filter");
    check("(title pr", "!! unexpected end at 9 in filter, expected `and`, `or` or `)`");
    check("title pr)", "!! unexpected `)` at 8 in filter, expected `and` or `or`");
    check("()", "!! unexpected `)` at 1 in filter, expected an attribute, `not` or `(`");
    check("not title pr", "!! unexpected `title` at 4 in filter, expected `(` after `not`");
    check("title eq \"ä\" ä", "!! unexpected `ä` at 13 in filter, expected `and` or `or`");
}

#[test]
fn limits_hold_to_the_term() {
    // S-60.
    let nested = |depth| format!("{}title pr{}", "(".repeat(depth), ")".repeat(depth));
    check(&nested(FILTER_DEPTH_MAX), "(pr title)");
    check(&nested(FILTER_DEPTH_MAX + 1), "!! nested deeper than 32 at 32 in filter");
    let joined = |terms| vec!["title pr"; terms].join(" or ");
    assert!(parse(&joined(FILTER_TERMS_MAX), Schemas::core().user(), Profile::Strict).is_ok());
    check(&joined(FILTER_TERMS_MAX + 1), "!! more than 100 comparisons at 1206 in filter");
    check(&" ".repeat(10_000), "!! the filter has 10000 bytes, at most 8192 are read");
}

#[test]
fn no_nesting_overflows_a_small_stack() {
    // V-19, D-12.
    let attack = || {
        let openers = ["(", "not (", "a.a.a.", "title pr and ", "emails[", "title pr or (", "[", "\"", "\\", ")", "not "];
        for opener in openers {
            for repeat in [FILTER_DEPTH_MAX, 1000, 8192 / opener.len(), 1_000_000] {
                assert!(
                    parse(&format!("{}!", opener.repeat(repeat)), Schemas::core().user(), Profile::Lenient).is_err(),
                    "{opener}"
                );
            }
        }
        // The deepest that is taken is read, asked and dropped as well.
        let open = "not (title pr and ".repeat(FILTER_DEPTH_MAX);
        let deepest = format!("{open}title pr{}{}", ")".repeat(FILTER_DEPTH_MAX), " and title pr".repeat(67));
        let filter = parse(&deepest, Schemas::core().user(), Profile::Strict).expect("within the limits");
        matches(&filter, &json!({"title": "x"}))
    };
    let small = std::thread::Builder::new().stack_size(256 * 1024);
    assert!(small.spawn(attack).expect("a thread").join().expect("no overflow"));
}

fn ada() -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE],
        "id": "01890a5d-ac96-774b-bcce-b302099a8057", "externalId": "X1", "userName": "Ada@Acme.test", "title": "Straße", "active": true,
        "name": {"familyName": "Lovelace"}, "nickName": "",
        "emails": [{"value": "ada@home.test", "type": "home"}, {"value": "ada@acme.test", "type": "work", "primary": true}],
        ENTERPRISE: {"manager": {"value": "7"}},
        "groups": [{"value": "g1", "type": "direct"}],
        "meta": {"resourceType": "User", "created": "2011-05-13T04:42:34.000Z", "version": "W/\"3\""},
    })
}

#[track_caller]
fn asked(text: &str, expected: bool) {
    let filter = parse(text, Schemas::core().user(), Profile::Lenient).expect(text);
    assert_eq!(matches(&filter, &ada()), expected, "{text}");
    let complement = parse(&format!("not ({text})"), Schemas::core().user(), Profile::Lenient).expect(text);
    assert_eq!(matches(&complement, &ada()), !expected, "not ({text})");
}

#[test]
fn a_resource_is_asked() {
    // F-15, S-30, P-31.
    asked(r#"userName eq "ADA@acme.TEST""#, true);
    asked(r#"title eq "STRASSE""#, true);
    asked(r#"title sw "stras" and title ew "SE" and title co "RASS""#, true);
    asked(r#"externalId eq "x1""#, false);
    asked(r#"id eq "01890A5D-AC96-774B-BCCE-B302099A8057""#, false);
    // F-06.
    asked(r#"emails.type eq "work" and emails.value co "@home""#, true);
    asked(r#"emails[type eq "work" and value co "@home"]"#, false);
    asked(r#"emails[type eq "work"].value eq "ada@acme.test""#, true);
    asked(r#"emails[not (primary eq true)]"#, true);
    asked(r#"emails[primary ne true]"#, true);
    asked(r#"phoneNumbers[not (primary eq true)]"#, false);
    // F-07, F-19.
    asked(r#"emails.type ne "work""#, true);
    asked(r#"emails.primary ne true"#, false);
    asked(r#"phoneNumbers ne "1""#, false);
    asked(r#"displayName ne "x""#, true);
    asked(r#"name.givenName ne "x""#, true);
    asked(r#"displayName eq null and emails ne null"#, true);
    // F-14.
    asked("nickName pr", false);
    asked("name pr and emails pr and groups pr and schemas pr", true);
    asked("displayName pr or phoneNumbers pr or name.givenName pr", false);
    // F-16.
    asked(r#"title gt "R" and title lt "T" and title ge "strasse" and title le "strasse""#, true);
    asked(r#"meta.created eq "2011-05-13T06:42:34+02:00""#, true);
    asked(r#"meta.created gt "2011-05-13T04:42:33.999Z""#, true);
    asked("active eq false", false);
    // F-12, F-13, F-26, F-27, EN-17.
    asked(&format!("{ENTERPRISE} pr"), true);
    asked("urn:usher:scim:schemas:extension:membership:2.0:User pr", false);
    asked(&format!("schemas eq {:?}", ENTERPRISE.to_uppercase()), true);
    asked(r#"manager eq "7" and groups eq "g1" and groups.type eq direct"#, true);
    asked("meta.resourceType eq User", true);
}

#[test]
fn a_filter_is_shown_as_it_parses() {
    for text in [
        r#"(title pr or nickName pr) and (locale pr and not (active eq true)) or (title pr or (id pr or locale pr))"#,
        r#"emails[(type eq "wo\"rk" or type eq "home") and primary eq true] and meta.created gt "2011-05-13T04:42:34.000Z""#,
        r#"schemas eq "urn:x" and urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value sw "7""#,
    ] {
        let filter = parse(text, Schemas::core().user(), Profile::Strict).expect(text);
        assert_eq!(filter.to_string(), text);
    }
}

#[test]
fn an_element_is_asked() {
    let Resolved::Attribute(name) = resolve("emails", Schemas::core().user(), Profile::Strict) else { panic!("emails exists") };
    let filter =
        parse_element(r#"type eq "WORK" and primary eq true"#, name, Profile::Strict, &mut Quirks::new()).expect("a filter");
    let asked: Vec<bool> = ada()["emails"].as_array().expect("an array").iter().map(|e| matches_element(&filter, e)).collect();
    assert_eq!(asked, [false, true]);
    assert!(parse_element("emails[type pr]", name, Profile::Lenient, &mut Quirks::new()).is_err());
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,60}", pieces in prop::collection::vec(prop::sample::select(vec![
        "userName", "emails", "emails.value", "name", "schemas", "manager", ENTERPRISE, "eq", "pr", "co", "gt", "and", "or", "not",
        "(", ")", "[", "]", "\"x\"", "true", "null", "1", ".value", ",", "\"", "\\", "ä",
    ]), 0..24)) {
        for text in [text, pieces.join(" "), pieces.concat()] {
            for profile in [Profile::Lenient, Profile::Strict] {
                if let Ok(filter) = parse(&text, Schemas::core().user(), profile) {
                    let again = parse(&filter.to_string(), Schemas::core().user(), Profile::Strict).expect("what is shown parses");
                    prop_assert_eq!(show(&again, again.root), show(&filter, filter.root));
                    matches(&filter, &ada());
                    prop_assert!(filter.nodes.iter().enumerate().all(|(at, node)| match node {
                        Node::And(a, b) | Node::Or(a, b) => *a < at && *b < at,
                        Node::Not(inner) | Node::ValuePath(_, inner) => *inner < at,
                        _ => true,
                    }), "a child stands before its parent");
                }
            }
        }
    }
}
