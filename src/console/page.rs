//! The pages of the console. A template is named after the last part of the address that it answers, and sees its view as `page`
//! and what stands around every page as `shell`.

use std::sync::LazyLock;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior, Value};
use serde::Serialize;

use crate::base::Timestamp;

/// What stands around a page of somebody who has signed in.
#[derive(Clone, Debug, Serialize)]
pub struct Shell {
    /// `/t/{root}/o/{org}/console`, from where every address of the page goes on.
    pub home: String,
    /// The org and those above it, the root first.
    pub path: Vec<Step>,
    /// The sections that are open to the caller.
    pub sections: Vec<Section>,
    /// What the caller is called.
    pub user_name: String,
    /// Goes back with every form.
    pub csrf: String,
    /// Whether the org has a parent, from which one can invite.
    pub has_parent: bool,
    /// The scopes of the caller here.
    pub scopes: Vec<&'static str>,
    /// What has just been done.
    pub notice: Option<&'static str>,
    /// Why something has just not been done.
    pub alert: Option<String>,
}

/// An org in the path.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs)]
pub struct Step {
    pub name: String,
    pub url: String,
}

/// An entry of the navigation.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs)]
pub struct Section {
    pub label: &'static str,
    /// Below `home`.
    pub path: &'static str,
    pub is_current: bool,
}

/// The files below `pages`, each with its name.
macro_rules! templates {
    ($($name:literal),+ $(,)?) => {
        [$(($name, include_str!(concat!("pages/", $name, ".html")))),+]
    };
}

static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut templates = Environment::new();
    // A slip in a template must not be a blank on a page; `is defined` asks first.
    templates.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    templates.set_syntax(syntax.expect("the usual delimiters"));
    templates.set_auto_escape_callback(|_| minijinja::AutoEscape::Html);
    templates.add_filter("time", time);
    for (name, text) in templates![
        "frame",
        "shell",
        "macros",
        "signin",
        "error",
        "confirm",
        "home",
        "switch",
        "switch-found",
        "users",
        "user",
        "user-form",
        "user-password",
        "history",
        "import",
        "import-found",
        "groups",
        "group",
        "group-new",
        "invite",
        "invite-lines",
        "invited",
        "invitations",
        "invitation",
        "invitations-selected",
        "invitations-done",
        "inbox",
        "organizations",
        "organization",
        "organization-new",
        "organization-delete",
        "organization-move",
        "settings",
        "letters",
        "access",
        "access-new",
        "client",
        "token",
        "secret",
        "guides",
        "requests",
        "request",
        "quirks",
        "audit",
        "audit-entry",
    ] {
        templates.add_template(name, text).expect("tests render it");
    }
    templates
});

/// An instant as every page shows it: in UTC, which the script turns into the reader's zone.
fn time(at: &str) -> Value {
    let Some(at) = Timestamp::parse(at) else { return Value::from(at) };
    let utc = at.to_utc();
    let (machine, text) = (utc.format("%Y-%m-%dT%H:%M:%SZ"), utc.format("%Y-%m-%d %H:%M UTC"));
    Value::from_safe_string(format!(r#"<time datetime="{machine}" title="{text}">{text}</time>"#))
}

/// The page `name` as HTML, complete. Whatever it shows is escaped. `shell` is there for those who have signed in; `site` is the
/// path of the public URL.
pub fn render(name: &str, site: &str, shell: Option<&Shell>, page: &impl Serialize) -> String {
    #[derive(Serialize)]
    struct Whole<'a, P> {
        site: &'a str,
        shell: Option<&'a Shell>,
        page: &'a P,
        version: &'static str,
    }
    let template = TEMPLATES.get_template(name).expect("every page that is shown is in the list above");
    let whole = Whole { site, shell, page, version: super::version() };
    template.render(Serde(&whole)).unwrap_or_else(|error| panic!("the page {name} wants something else of its view: {error}"))
}
