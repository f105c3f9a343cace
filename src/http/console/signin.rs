//! Ways in and out: the form, the cookies, and what somebody sees who cannot enter.

use poem::http::header::{COOKIE, RETRY_AFTER};
use poem::http::{HeaderMap, HeaderValue, StatusCode};
use poem::{Request, Response};
use serde_json::json;
use subtle::ConstantTimeEq;

use super::fields::Fields;
use super::visit::{Visit, home, site};
use super::{Answer, bare, html, see, with_cookie};
use crate::app::App;
use crate::base::Secret;
use crate::console;
use crate::http::error::Rejection;
use crate::http::exchange::Exchange;
use crate::http::guard::place;
use crate::http::tenant::OrgContext;
use crate::org::Org;

/// The cookies of a browser in one tree.
pub(super) struct Cookies {
    session: Option<String>,
    /// Which browser the form was shown to, so that nobody is signed in by another site.
    form: Option<String>,
    prefix: &'static str,
    /// `Path` and what follows it.
    tail: String,
}

/// The names, after the prefix of cookies that only HTTPS carries.
const SESSION: &str = "usher-session";
const FORM: &str = "usher-form";

impl Cookies {
    /// Those of a request to the tree `root`.
    pub(super) fn of(app: &App, root: &str, headers: &HeaderMap) -> Cookies {
        let is_secure = app.settings.public_url.starts_with("https:");
        let prefix = if is_secure { "__Secure-" } else { "" };
        let secure = if is_secure { "; Secure" } else { "" };
        let sent = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let sent: Vec<_> = sent.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('=')).collect();
        let find = |wanted: &str| {
            let named = |name: &str| name.strip_prefix(prefix) == Some(wanted);
            sent.iter().find(|(name, _)| named(name)).map(|(_, value)| (*value).to_owned())
        };
        let tail = format!("; Path={}/t/{root}/; HttpOnly; SameSite=Lax{secure}", site(app));
        Cookies { session: find(SESSION), form: find(FORM), prefix, tail }
    }

    /// The secret of a session, if there is one.
    pub(super) fn session(&self) -> Option<&str> {
        self.session.as_deref()
    }

    fn set(&self, name: &str, value: &str) -> String {
        format!("{}{name}={value}{}", self.prefix, self.tail)
    }

    fn clear(&self, name: &str) -> String {
        format!("{}{name}={}; Max-Age=0", self.prefix, self.tail)
    }
}

/// The form, and what it sends.
pub(super) async fn signin(
    context: &OrgContext,
    cookies: &Cookies,
    form: Option<&Fields>,
    query: &Fields,
    request: &Request,
) -> Response {
    let app = &context.app;
    let org = match context.load().await {
        Ok(org) => org,
        Err(rejection) => return Visit::stranger(app).refuse(&rejection),
    };
    let Some(form) = form else {
        let notice = (query.get("done") == "signout").then_some("You have signed out.");
        return ask_form(app, &org, cookies, query, None, notice);
    };
    match enter(app, &org, cookies, form, request).await {
        Ok(response) => response,
        Err(rejection) => ask_form(app, &org, cookies, form, Some(&rejection), None),
    }
}

async fn enter(app: &App, org: &Org, cookies: &Cookies, form: &Fields, request: &Request) -> Answer {
    let is_ours = cookies.form.as_deref().is_some_and(|known| known.as_bytes().ct_eq(form.get("csrf").as_bytes()).into());
    if !is_ours {
        return Err(super::foreign());
    }
    let password = Secret::new(form.verbatim("password").to_owned());
    let asked = Exchange::of(request).request();
    let started = app.session_start(org.id, form.get("user_name"), password, &place(request), asked.as_deref()).await?;
    let next = form.get("next");
    let own = format!("{}/t/{}/o/", site(app), org.root_handle);
    let next = if is_within(next, &own) { next.to_owned() } else { home(app, org) };
    let response = with_cookie(see(&next), &cookies.set(SESSION, started.secret.expose()));
    Ok(with_cookie(response, &cookies.clear(FORM)))
}

/// Whether `address` is one of this tree, and cannot be read as one of another site.
fn is_within(address: &str, own: &str) -> bool {
    address.starts_with(own) && !address.contains("//") && address.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
}

fn ask_form(
    app: &App,
    org: &Org,
    cookies: &Cookies,
    fields: &Fields,
    rejection: Option<&Rejection>,
    notice: Option<&str>,
) -> Response {
    let known = cookies.form.clone();
    let csrf = known.clone().unwrap_or_else(|| {
        let mut bytes = [0; 16];
        app.random.fill(&mut bytes);
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    });
    let page = json!({
        "org": org.name,
        "home": home(app, org),
        "next": fields.get("next"),
        "user_name": fields.get("user_name"),
        "csrf": csrf,
        "alert": rejection.map(|rejection| &rejection.detail),
        "notice": notice,
    });
    let status = rejection.map_or(StatusCode::OK, |rejection| rejection.status);
    let mut response = html(status, console::render("signin", site(app), None, &page));
    let wait = rejection.and_then(|rejection| rejection.headers.iter().find(|(name, _)| name == RETRY_AFTER));
    if let Some(wait) = wait.and_then(|(_, wait)| HeaderValue::try_from(wait).ok()) {
        response.headers_mut().insert(RETRY_AFTER, wait);
    }
    match known {
        Some(_) => response,
        None => with_cookie(response, &cookies.set(FORM, &csrf)),
    }
}

/// On to the form, and from there back to what was asked.
pub(super) fn ask(context: &OrgContext, is_post: bool, request: &Request) -> Response {
    let uri = request.original_uri();
    let asked = uri.path_and_query().map_or("", |asked| asked.as_str());
    let here = format!("{}/t/{}/o/{}/console", site(&context.app), context.root(), context.org);
    // What a form sent is lost with its session.
    let asked = if is_post { here.clone() } else { format!("{}{asked}", site(&context.app)) };
    let mut address = form_urlencoded::Serializer::new(format!("{here}/signin?"));
    see(&address.append_pair("next", &asked).finish())
}

/// There is a session, and no way for it into this org; whether there is such an org is not told.
pub(super) fn not_yours(context: &OrgContext) -> Response {
    let app = &context.app;
    let signin = format!("{}/t/{}/o/{}/console/signin", site(app), context.root(), context.org);
    let detail = "You are not a member of this organization, or it is not active. Ask one of its administrators to invite you.";
    bare(app, StatusCode::NOT_FOUND, "You cannot enter this organization", detail, &[("Sign in as somebody else", &signin)])
}

/// The session ends, in this browser and for whoever has copied its cookie.
pub(super) async fn signout(visit: &Visit, cookies: &Cookies) -> Response {
    if let Some(secret) = cookies.session()
        && let Err(error) = visit.app().session_end(secret, visit.who().request.as_deref()).await
    {
        return visit.refuse(&error.into());
    }
    with_cookie(visit.see("/signin", "signout"), &cookies.clear(SESSION))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_to_another_site() {
        let own = "/t/acme/o/";
        assert!(is_within("/t/acme/o/1/console/users?q=a", own));
        for elsewhere in [
            "",
            "https://evil.test",
            "//evil.test",
            "/t/acme/o//evil.test",
            "/t/acme/o/\\evil.test",
            "/t/other/o/1",
            "/t/acme/o/\r\nx",
        ] {
            assert!(!is_within(elsewhere, own), "{elsewhere}");
        }
    }
}
