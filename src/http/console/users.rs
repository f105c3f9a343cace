//! Users: who is here.

use serde_json::{Value, json};

use super::Answer;
use super::list::{List, Search};
use super::visit::Visit;
use crate::scim::urn;

/// What the list shows.
pub(super) const COLUMNS: &str =
    "userName,displayName,name,emails,active,meta.lastModified,urn:usher:scim:schemas:extension:membership:2.0:User:type";

/// Where a word is looked for.
pub(super) const WORDS: [&str; 5] = ["userName", "displayName", "name.familyName", "name.givenName", "emails.value"];

/// `users`: the list, with a search.
pub(super) async fn list(visit: &Visit) -> Answer {
    let user = visit.who().schemas.user();
    let search = Search::of(visit, user, &WORDS);
    let page = |list: &List| json!({ "search": search, "list": list });
    match visit.list(user, search.filter.clone(), "userName", COLUMNS).await {
        Ok(list) => Ok(visit.show("users", &page(&list.map(row)))),
        Err(rejection) => visit.again("users", &page(&List::default()), rejection),
    }
}

/// A user as lists show it.
pub(super) fn row(user: &Value) -> Value {
    json!({
        "id": user["id"],
        "userName": user["userName"],
        "name": name(user),
        "email": email(user),
        "active": user["active"] != false,
        "is_guest": user.get(urn::MEMBERSHIP).is_some(),
        "changed": user["meta"]["lastModified"],
    })
}

/// What a person is called; nothing where only the user name is known.
pub(super) fn name(user: &Value) -> String {
    let parts = ["givenName", "familyName"].map(|part| user["name"][part].as_str().unwrap_or_default());
    let formatted = user["name"]["formatted"].as_str().map(str::to_owned);
    let known = user["displayName"].as_str().map(str::to_owned).or(formatted);
    known.unwrap_or_else(|| parts.join(" ").trim().to_owned())
}

/// The primary address, or the first.
pub(super) fn email(user: &Value) -> &str {
    let emails = user["emails"].as_array().map_or(&[][..], Vec::as_slice);
    let primary = emails.iter().find(|email| email["primary"] == true).or(emails.first());
    primary.and_then(|email| email["value"].as_str()).unwrap_or_default()
}
