//! The form of a user, new or changed. Its fields are the columns of an import too.

use serde_json::{Map, Value, json};

use super::fields::Fields;
use super::user::shown_version;
use super::visit::Visit;
use super::{Answer, see};
use crate::app::ErrorKind;
use crate::auth::Scope;
use crate::http::error::Rejection;
use crate::http::scim::id;
use crate::scim::urn;
use crate::store::References;

/// An attribute of a single value: its field, its label, and where it stands in the document.
type Single = (&'static str, &'static str, &'static [&'static str]);

/// Those that the form shows.
pub(super) const SINGLE: [Single; 19] = [
    ("userName", "User name", &["userName"]),
    ("givenName", "Given name", &["name", "givenName"]),
    ("middleName", "Middle names", &["name", "middleName"]),
    ("familyName", "Family name", &["name", "familyName"]),
    ("formatted", "Whole name", &["name", "formatted"]),
    ("displayName", "Display name", &["displayName"]),
    ("nickName", "Nickname", &["nickName"]),
    ("title", "Title", &["title"]),
    ("userType", "User type", &["userType"]),
    ("employeeNumber", "Employee number", &[urn::ENTERPRISE_USER, "employeeNumber"]),
    ("department", "Department", &[urn::ENTERPRISE_USER, "department"]),
    ("division", "Division", &[urn::ENTERPRISE_USER, "division"]),
    ("organization", "Organization", &[urn::ENTERPRISE_USER, "organization"]),
    ("costCenter", "Cost center", &[urn::ENTERPRISE_USER, "costCenter"]),
    ("preferredLanguage", "Preferred language", &["preferredLanguage"]),
    ("locale", "Locale", &["locale"]),
    ("timezone", "Time zone", &["timezone"]),
    ("profileUrl", "Profile URL", &["profileUrl"]),
    ("externalId", "External id", &["externalId"]),
];

/// Attributes of several values, of which the form shows the values, one a line, the primary one first.
pub(super) const SEVERAL: [(&str, &str); 2] = [("emails", "E-mail addresses"), ("phoneNumbers", "Phone numbers")];

/// `users/new`.
pub(super) async fn create(visit: &Visit, is_post: bool) -> Answer {
    visit.require(Scope::UsersWrite)?;
    if !is_post {
        return Ok(visit.show("user-form", &view(&Value::Null, Seen::Present, &visit.form)));
    }
    let mut user = json!({ "schemas": [urn::USER] });
    for (name, _, path) in SINGLE {
        put(&mut user, path, visit.form.get(name));
    }
    for (name, _) in SEVERAL {
        let values = several(&Value::Null, name, &visit.form).unwrap_or_default();
        if !values.is_empty() {
            user[name] = values.into();
        }
    }
    let password = visit.form.verbatim("password");
    if !password.is_empty() {
        user["password"] = password.into();
    }
    match visit.app().user_create(visit.who(), object(user)).await {
        Ok(record) => Ok(visit.see(&format!("/users/{}", record.id), "created")),
        Err(error) => visit.again("user-form", &view(&Value::Null, Seen::Present, &visit.form), error),
    }
}

/// `users/{id}/edit`.
pub(super) async fn edit(visit: &Visit, user: &str, is_post: bool) -> Answer {
    visit.require(Scope::UsersWrite)?;
    let id = id(user)?;
    let record = visit.app().user_get(visit.who(), id, References::Omit).await?;
    let doc = visit.document(visit.who().schemas.user(), &record)?;
    if !is_post && doc.get(urn::MEMBERSHIP).is_some() {
        // Of a guest there is nothing to be edited here.
        return Ok(see(&format!("{}/users/{id}", visit.home)));
    }
    if !is_post {
        return Ok(visit.show("user-form", &view(&doc, Seen::Present, &Fields::default())));
    }
    let operations = changes(&doc, &visit.form);
    if operations.is_empty() {
        return Ok(visit.see(&format!("/users/{id}"), "saved"));
    }
    let seen = version(&visit.form);
    match visit.app().user_patch(visit.who(), id, Some(&seen), patch(operations), References::Omit).await {
        Ok(_) => Ok(visit.see(&format!("/users/{id}"), "saved")),
        Err(error) if error.kind() == ErrorKind::Precondition => {
            let detail = "Somebody has changed this user meanwhile. What it says now stands below each field that differs; \
                          save again to put yours in its place.";
            let rejection = Rejection { detail: detail.to_owned(), ..Rejection::from(error) };
            visit.again("user-form", &view(&doc, Seen::Stale, &visit.form), rejection)
        }
        Err(error) => visit.again("user-form", &view(&doc, Seen::Present, &visit.form), error),
    }
}

/// The version that a form was shown with, as `If-Match` says it.
pub(super) fn version(form: &Fields) -> String {
    format!("W/\"{}\"", form.get("version"))
}

/// The body of a `PATCH`.
pub(super) fn patch(operations: Vec<Value>) -> Map<String, Value> {
    object(json!({ "schemas": [urn::PATCH_OP], "Operations": operations }))
}

/// A JSON object.
pub(super) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}

/// Sets the value at `path` of `user`, unless there is none.
pub(super) fn put(user: &mut Value, path: &[&str], value: &str) {
    if !value.is_empty() {
        *path.iter().fold(user, |at, name| &mut at[*name]) = value.into();
    }
}

/// The path of an attribute as SCIM writes it.
pub(super) fn spelled(path: &[&str]) -> String {
    path.join(if path[0].starts_with("urn:") { ":" } else { "." })
}

/// A value as the form shows it and browsers send it back: without blanks around it, on one line.
fn text(doc: &Value, path: &[&str]) -> String {
    one_line(path.iter().fold(doc, |at, name| &at[*name]).as_str().unwrap_or_default())
}

fn one_line(text: &str) -> String {
    text.replace(['\r', '\n'], "").trim().to_owned()
}

/// The values of `name`, the primary one first.
fn values(doc: &Value, name: &str) -> Vec<String> {
    let mut elements: Vec<&Value> = doc[name].as_array().into_iter().flatten().collect();
    elements.sort_by_key(|element| element["primary"] != true);
    elements.iter().filter_map(|element| element["value"].as_str()).map(one_line).collect()
}

/// What `name` becomes, if the form changes it: an address that stays keeps what else is known of it.
fn several(doc: &Value, name: &str, form: &Fields) -> Option<Vec<Value>> {
    let typed: Vec<&str> = form.find(name)?.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    if typed == values(doc, name) {
        return None;
    }
    let known = doc[name].as_array().map_or(&[][..], Vec::as_slice);
    let element = |(at, value): (usize, &&str)| {
        let known = known.iter().find(|element| element["value"].as_str().map(one_line).as_deref() == Some(*value));
        let mut element = known.cloned().unwrap_or_else(|| json!({ "value": value, "type": "work" }));
        match at {
            0 => element["primary"] = true.into(),
            _ => _ = element.as_object_mut().and_then(|element| element.remove("primary")),
        }
        element
    };
    Some(typed.iter().enumerate().map(element).collect())
}

/// What the form says otherwise than `doc`, as operations of a `PATCH`. What it has no field for stays.
fn changes(doc: &Value, form: &Fields) -> Vec<Value> {
    let mut operations = Vec::new();
    let mut set = |path: String, value: Value| {
        operations.push(match value == "" || value == json!([]) {
            true => json!({ "op": "remove", "path": path }),
            false => json!({ "op": "replace", "path": path, "value": value }),
        });
    };
    for (name, _, path) in SINGLE {
        if let Some(typed) = form.find(name).filter(|typed| *typed != text(doc, path)) {
            set(spelled(path), typed.into());
        }
    }
    for (name, _) in SEVERAL {
        if let Some(values) = several(doc, name, form) {
            set(name.into(), values.into());
        }
    }
    operations
}

/// Whether somebody has changed the user since the form was shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    Present,
    Stale,
}

/// The form with what was typed, and else with what `doc` says. If it was stale, what `doc` says stands beside what was typed, and the
/// form goes on from there.
fn view(doc: &Value, seen: Seen, form: &Fields) -> Value {
    let field = |name: &str, label: &str, now: String| {
        let value = form.find(name).map_or(now.clone(), str::to_owned);
        let told = seen == Seen::Stale && value.lines().ne(now.lines());
        let hint = told.then(|| format!("Now: {}", if now.is_empty() { "nothing" } else { &now }));
        json!({ "name": name, "label": label, "value": value, "hint": hint.unwrap_or_default() })
    };
    let single = SINGLE.iter().map(|(name, label, path)| field(name, label, text(doc, path)));
    let several = SEVERAL.iter().map(|(name, label)| field(name, label, values(doc, name).join("\n")));
    let typed = form.find("version").filter(|_| seen == Seen::Present);
    json!({
        "id": doc["id"],
        "called": doc["userName"],
        "version": typed.unwrap_or(shown_version(doc)),
        "single": single.collect::<Vec<_>>(),
        "several": several.collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_typed_otherwise_becomes_an_operation() {
        let doc = json!({
            "userName": " ada\n", "title": "Countess", "name": { "givenName": "Ada" },
            "emails": [{ "value": "a@x.test", "type": "home" }, { "value": "b@x.test", "type": "work", "primary": true }],
        });
        let form = |text: &str| Fields::query(Some(text));
        assert_eq!(changes(&doc, &form("userName=ada&emails=b@x.test%0D%0Aa@x.test")), Vec::<Value>::new());
        let typed = form("userName=ada&title=&givenName=Augusta&department=Engines&emails=a@x.test%0D%0Ac@x.test");
        assert_eq!(
            changes(&doc, &typed),
            [
                json!({ "op": "replace", "path": "name.givenName", "value": "Augusta" }),
                json!({ "op": "remove", "path": "title" }),
                json!({ "op": "replace", "path": format!("{}:department", urn::ENTERPRISE_USER), "value": "Engines" }),
                json!({ "op": "replace", "path": "emails", "value": [
                    { "value": "a@x.test", "type": "home", "primary": true }, { "value": "c@x.test", "type": "work" },
                ]}),
            ]
        );
    }
}
