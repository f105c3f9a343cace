//! *Invite parent users*: the form, what it would come to, and what it came to.

use std::time::Duration;

use poem::http::StatusCode;
use serde_json::{Map, Value, json};

use super::Answer;
use super::visit::Visit;
use crate::app;
use crate::auth::Scope;
use crate::base::{GroupId, Timestamp, limit};
use crate::http::error::Rejection;
use crate::invite::{self, LineCode, Policy};
use crate::mail::catalogue::tags;
use crate::mail::choose;
use crate::scim::urn;

/// The units of a lifetime, in seconds.
const UNITS: [(u64, &str); 3] = [(60, "minutes"), (3600, "hours"), (24 * 3600, "days")];

/// What the form sends, its token, its key and its button aside.
const FIELDS: [&str; 7] = ["names", "count", "unit", "until", "message", "language", "brings"];

/// Whether anything is done.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    Trial,
    Real,
}

/// `invite`: the form.
pub(super) async fn form(visit: &Visit) -> Answer {
    Ok(visit.show("invite", &page(visit, &new_key(visit), &Value::Null).await?))
}

/// What the form sends: a search for groups, a trial, or the order; or, from the results, who failed.
pub(super) async fn sent(visit: &Visit) -> Answer {
    let key = visit.form.get("key");
    let order = match visit.form.get("step") {
        "retry" => return form(visit).await,
        "search" => return Ok(visit.show("invite", &page(visit, key, &Value::Null).await?)),
        "check" => Order::Trial,
        _ => Order::Real,
    };
    match results(visit, order).await {
        Ok(results) if order == Order::Trial => Ok(visit.show("invite", &page(visit, key, &results).await?)),
        Ok(results) => Ok(visit.show("invited", &results)),
        Err(rejection) if rejection.status == StatusCode::UNPROCESSABLE_ENTITY => {
            let text = "This form was sent before, with something else in it. Under Invitations you see what it did then. \
                        To invite these users as well, send it again.";
            let page = page(visit, &new_key(visit), &Value::Null).await?;
            visit.again("invite", &page, Rejection::status(rejection.status, text))
        }
        Err(rejection) => visit.again("invite", &page(visit, key, &Value::Null).await?, rejection),
    }
}

/// `invite/preflight`: what the form would come to as it stands, for the script that shows it beside the form.
pub(super) async fn preflight(visit: &Visit) -> Answer {
    let told = |check, refused| Ok(visit.part("invite-lines", &json!({ "check": check, "refused": refused })));
    if visit.form.words("names").is_empty() {
        return told(Value::Null, None);
    }
    match results(visit, Order::Trial).await {
        Ok(check) => told(check, None),
        Err(Rejection { status, detail, .. }) if status == StatusCode::BAD_REQUEST => told(Value::Null, Some(detail)),
        Err(rejection) => Err(rejection),
    }
}

/// The form, filled as it was sent.
async fn page(visit: &Visit, key: &str, check: &Value) -> Result<Value, Rejection> {
    visit.who().require(Scope::InvitationsWrite).map_err(app::Error::from)?;
    let (form, policy) = (&visit.form, policy(visit));
    let (unit, _) = UNITS.into_iter().rfind(|(unit, _)| policy.lifetime.as_secs() % unit == 0).unwrap_or(UNITS[0]);
    let typed = |name: &str, otherwise: u64| if form.is_empty() { otherwise.to_string() } else { form.get(name).to_owned() };
    Ok(json!({
        "parent": parent(visit)?,
        "key": key,
        "names": form.words("names").join("\n"),
        "groups": groups(visit).await?,
        "count": typed("count", policy.lifetime.as_secs() / unit),
        "unit": typed("unit", unit),
        "units": UNITS.map(|(seconds, name)| json!({ "seconds": seconds.to_string(), "name": name })),
        "lifetimes": [span(policy.lifetimes.0), span(policy.lifetimes.1), span(policy.lifetime)],
        "until": form.get("until"),
        "message": form.get("message"),
        "language": form.get("language"),
        "languages": tags().map(|tag| json!({ "tag": tag, "name": language(tag) })).collect::<Vec<_>>(),
        "brings": form.has("brings"),
        "lines_max": limit::INVITE_LINES_MAX,
        "message_chars_max": limit::MESSAGE_CHARS_MAX,
        "check": check,
        "refused": null,
    }))
}

/// The groups to choose from: those chosen already and those looked for, as far as the caller may see any.
async fn groups(visit: &Visit) -> Result<Value, Rejection> {
    let (q, chosen) = (visit.form.get("group_q"), chosen(visit));
    let (mut ids, mut total) = (chosen.clone(), 0);
    if visit.may(Scope::GroupsRead) {
        let filter = (!q.is_empty()).then(|| format!("displayName co {}", Value::from(q)));
        let list = visit.list(visit.who().schemas.group(), filter, "displayName", "displayName").await?;
        let found = list.items.iter().filter_map(|group| group["id"].as_str()?.parse().ok());
        ids.extend(found.filter(|id| !chosen.contains(id)));
        total = list.total;
    }
    let known = visit.app().invitation_groups(visit.who(), &ids).await?;
    let items: Vec<Value> = known
        .into_iter()
        .map(|(id, name, may_give)| {
            let is_chosen = may_give && chosen.contains(&id);
            json!({ "id": id, "name": name, "is_chosen": is_chosen, "may_give": may_give })
        })
        .collect();
    let has_more = total > u64::try_from(items.len()).unwrap_or(u64::MAX);
    Ok(json!({ "q": q, "items": items, "total": total, "has_more": has_more }))
}

/// What `.invite` says to the form, in words.
async fn results(visit: &Visit, order: Order) -> Result<Value, Rejection> {
    let parent = parent(visit)?;
    let body = body(visit, order)?;
    // A trial does nothing that could be done twice.
    let key = Some(visit.form.get("key")).filter(|_| order == Order::Real);
    let answer = visit.app().invitation_invite(visit.who(), key, &body).await?;
    let results = answer["results"].as_array().map_or(&[][..], Vec::as_slice);
    let failed = results.iter().filter(|result| result.get("error").is_some());
    let failed: Vec<&str> = failed.filter_map(|result| result["userName"].as_str()).collect();
    let mut retry: Vec<(&str, String)> = FIELDS.iter().map(|name| (*name, visit.form.get(name).to_owned())).collect();
    retry[0].1 = failed.join("\n");
    retry.extend(visit.form.all("group").map(|id| ("group", id.to_owned())));
    Ok(json!({
        "parent": parent,
        "invited": answer["invited"],
        "failed": answer["failed"],
        "lines": results.iter().map(|result| line(visit, result, parent)).collect::<Vec<_>>(),
        "brings": visit.form.has("brings"),
        "retry": retry,
    }))
}

/// One result, in words.
fn line(visit: &Visit, result: &Value, parent: &str) -> Value {
    let error = &result["error"];
    let code = LineCode::ALL.into_iter().find(|code| error["code"] == code.as_str());
    let text = code.map(|code| sentence(code, parent, error["detail"].as_str().unwrap_or_default()));
    let invitation = &result["invitation"];
    let link = invitation["code"].as_str().zip(invitation["id"].as_str().and_then(|id| id.parse().ok()));
    json!({
        "userName": result["userName"],
        "is_good": error.is_null(),
        "text": text,
        // Where to see what stands in the way.
        "see": match code {
            Some(LineCode::AlreadyInvited) => Some("/invitations"),
            Some(LineCode::AlreadyMember) => Some("/users"),
            _ => None,
        },
        "id": invitation["id"],
        "expiresAt": invitation["expiresAt"],
        "link": link.map(|(code, id)| invite::code::address(&visit.app().settings.public_url, visit.org(), id, code)),
    })
}

fn sentence(code: LineCode, parent: &str, detail: &str) -> String {
    match code {
        LineCode::UserNotInParent => format!("{parent} has no user of this name. Only its own users can be invited."),
        LineCode::UserInactive => format!("This user is not active in {parent}."),
        LineCode::NoEmail => format!("This user has no e-mail address in {parent}, so no letter can be sent."),
        LineCode::AlreadyMember => "This user is a member of this organization already.".to_owned(),
        LineCode::AlreadyInvited => "An invitation of this user waits for an answer.".to_owned(),
        LineCode::DuplicateLine => "The same user stands on another line too.".to_owned(),
        LineCode::GroupNotFound => "A group that you chose is no longer there. Choose the groups again.".to_owned(),
        LineCode::GroupNotAllowed => "You chose a group that gives rights which you do not have yourself.".to_owned(),
        LineCode::QuotaExceeded => format!("There are too many invitations: {detail}."),
        LineCode::NotInvitable => format!("{parent} does not let this user be invited."),
    }
}

fn body(visit: &Visit, order: Order) -> Result<Map<String, Value>, Rejection> {
    let form = &visit.form;
    let names = form.words("names");
    if names.is_empty() {
        return Err(wrong("Name at least one user.".to_owned()));
    }
    let text = |name: &str| Some(form.get(name)).filter(|text| !text.is_empty());
    let body = json!({
        "schemas": [urn::INVITE_REQUEST],
        "userNames": names,
        "groups": form.all("group").map(|id| json!({ "value": id })).collect::<Vec<_>>(),
        "message": text("message").map(|text| text.replace("\r\n", "\n")),
        "locale": text("language"),
        "expiresIn": text("count").map(|count| lifetime(count, form.get("unit"), &policy(visit))).transpose()?,
        "until": text("until").map(|day| end_of(day, visit.app().now())).transpose()?,
        "sendMail": !form.has("brings"),
        "dryRun": order == Order::Trial,
    });
    Ok(body.as_object().cloned().unwrap_or_default())
}

/// In seconds.
fn lifetime(count: &str, unit: &str, policy: &Policy) -> Result<u64, Rejection> {
    let unit = UNITS.into_iter().map(|(seconds, _)| seconds).find(|seconds| seconds.to_string() == unit);
    let seconds = count.parse::<u64>().ok().zip(unit).and_then(|(count, unit)| count.checked_mul(unit));
    let (least, most) = policy.lifetimes;
    seconds
        .filter(|seconds| (least.as_secs()..=most.as_secs()).contains(seconds))
        .ok_or_else(|| wrong(format!("The link can be good for {} to {}.", span(least), span(most))))
}

/// The last moment of a day.
fn end_of(day: &str, now: Timestamp) -> Result<String, Rejection> {
    let end = format!("{day}T23:59:59Z");
    let is_to_come = Timestamp::parse(&end).is_some_and(|end| end > now);
    is_to_come.then_some(end).ok_or_else(|| wrong("The last day is to be one to come, such as 2030-12-31.".to_owned()))
}

fn wrong(detail: String) -> Rejection {
    Rejection::status(StatusCode::BAD_REQUEST, detail)
}

/// The ids of the boxes that are ticked.
fn chosen(visit: &Visit) -> Vec<GroupId> {
    let mut chosen: Vec<GroupId> = visit.form.all("group").filter_map(|id| id.parse().ok()).collect();
    chosen.truncate(limit::INVITATION_GROUPS_MAX);
    chosen
}

fn policy(visit: &Visit) -> Policy {
    Policy::of(&visit.org().settings.choices)
}

/// What the parent is called. A root has none, and nobody to invite.
pub(super) fn parent(visit: &Visit) -> Result<&str, Rejection> {
    let parent = visit.ancestors().last().map(|org| org.name.as_str());
    Ok(parent.ok_or(invite::Error::Root).map_err(app::Error::from)?)
}

/// One for each form that is shown, so that one sent twice invites once.
fn new_key(visit: &Visit) -> String {
    visit.app().random.uuid(visit.app().now()).to_string()
}

fn span(span: Duration) -> String {
    choose([]).span(i64::try_from(span.as_millis()).unwrap_or(i64::MAX))
}

/// A language in itself.
fn language(tag: &str) -> &str {
    match tag {
        "en" => "English",
        "de" => "Deutsch",
        "fr" => "Français",
        "es" => "Español",
        "si" => "සිංහල",
        other => other,
    }
}
