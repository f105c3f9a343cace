//! The inbox: the invitations that wait for whoever has signed in, from the orgs below, and the answers to them. No scope is needed.

use poem::Response;
use serde_json::{Value, json};

use super::Answer as Shown;
use super::visit::{Visit, home};
use crate::app::invitations::{Holder, Opened};
use crate::http::error::Rejection;
use crate::invite::Answer;

/// `inbox`: what waits.
pub(super) async fn inbox(visit: &Visit) -> Shown {
    Ok(visit.show("inbox", &page(visit, None).await?))
}

/// `inbox/{id}`: the answer to one of them.
pub(super) async fn answer(visit: &Visit, id: &str) -> Shown {
    let id = id.parse().map_err(|_| Rejection::not_found())?;
    let answer = match visit.form.get("answer") {
        "accept" => Answer::Accept,
        "decline" => Answer::Decline,
        _ => return Err(Rejection::not_found()),
    };
    match visit.app().invitation_answer(Holder::User(visit.who(), id), answer).await {
        Ok(opened) if answer == Answer::Accept => Ok(visit.show("inbox", &page(visit, Some(&opened)).await?)),
        Ok(_) => Ok(visit.see("/inbox", "declined")),
        Err(error) => refused(visit, error.into()).await,
    }
}

async fn refused(visit: &Visit, rejection: Rejection) -> Result<Response, Rejection> {
    visit.again("inbox", &page(visit, None).await?, rejection)
}

/// What waits, and what was accepted just now.
async fn page(visit: &Visit, accepted: Option<&Opened>) -> Result<Value, Rejection> {
    let waiting = visit.app().me_invitations(visit.who()).await?;
    let items: Vec<Value> = waiting.iter().map(|opened| shown(visit, opened)).collect();
    Ok(json!({ "items": items, "accepted": accepted.map(|opened| shown(visit, opened)) }))
}

fn shown(visit: &Visit, opened: &Opened) -> Value {
    let invitation = &opened.invitation;
    let names = |is_given: bool| -> Vec<&str> {
        let groups = invitation.groups.iter().filter(|group| group.is_given.unwrap_or(group.exists) == is_given);
        groups.map(|group| group.display.as_str()).collect()
    };
    json!({
        "id": invitation.id,
        "org": opened.org().name,
        "path": opened.path.iter().map(|org| org.name.as_str()).collect::<Vec<_>>().join(" › "),
        "inviter": invitation.inviter_name(),
        "message": invitation.message,
        "groups": names(true),
        "gone": names(false),
        "expiresAt": invitation.expires_at,
        "until": invitation.until,
        "console": home(visit.app(), opened.org()),
    })
}
