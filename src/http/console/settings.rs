//! Settings: what this org chose, what it takes from above and from whom; and its letters, to look at and to try.

use serde_json::{Map, Number, Value, json};

use super::Answer;
use super::visit::Visit;
use crate::app::mail::Sample;
use crate::auth::Scope;
use crate::http::error::Rejection;
use crate::mail::{Kind, catalogue};
use crate::org::log::Logged;
use crate::org::{Choices, Form, Setting};
use crate::scim::{Preset, Quirk};

/// The form of what is no [`Setting`]: profile, switches and log.
const BEHAVIOUR: &str = "behaviour";

/// `settings`: a form for each section.
pub(super) async fn settings(visit: &Visit) -> Answer {
    Ok(visit.show("settings", &view(visit, None).await?))
}

/// `settings/{section}`: what is chosen of one section.
pub(super) async fn save(visit: &Visit, section: &str) -> Answer {
    let body = match section {
        BEHAVIOUR => behaviour(visit),
        section if Choices::sections().contains(&section) => {
            json!({ section: of(section).map(|setting| (setting.name().to_owned(), typed(visit, setting))).collect::<Map<_, _>>() })
        }
        _ => return Err(Rejection::not_found()),
    };
    match visit.app().settings_patch(visit.who(), body.as_object().cloned().unwrap_or_default()).await {
        Ok(_) => Ok(visit.see("/settings", "saved")),
        Err(error) => {
            // Who may not even read them gets no page of them.
            let error = Rejection::from(error);
            match view(visit, Some(section)).await {
                Ok(page) => visit.again("settings", &page, error),
                Err(_) => Err(error),
            }
        }
    }
}

fn of(section: &str) -> impl Iterator<Item = Setting> {
    Setting::ALL.iter().copied().filter(move |setting| setting.section() == section)
}

/// What the form says of `setting`, as the API takes it: null where it is not chosen here.
fn typed(visit: &Visit, setting: Setting) -> Value {
    let text = visit.form.get(setting.name());
    match (setting.form(), text) {
        (Form::Texts(_), text) if !text.is_empty() || visit.form.has(&format!("{}-chosen", setting.name())) => {
            text.lines().map(str::trim).filter(|line| !line.is_empty()).collect()
        }
        (_, "") => Value::Null,
        (Form::Flag, "yes") => true.into(),
        (Form::Flag, "no") => false.into(),
        (Form::Number(_), text) => serde_json::from_str::<Number>(text).map_or_else(|_| text.into(), Value::Number),
        (_, text) => text.into(),
    }
}

fn behaviour(visit: &Visit) -> Value {
    let word = |name: &str| Some(visit.form.get(name)).filter(|word| !word.is_empty());
    let switch = |quirk: &Quirk| match word(quirk.name()) {
        Some("on") => true.into(),
        Some("off") => false.into(),
        _ => Value::Null,
    };
    let quirks: Map<_, _> = Quirk::ALL.iter().map(|quirk| (quirk.name().to_owned(), switch(quirk))).collect();
    json!({ "profile": word("profile"), "log": word("log"), "quirks": quirks })
}

/// Every section with what holds; of `form`, with what was typed.
async fn view(visit: &Visit, form: Option<&str>) -> Result<Value, Rejection> {
    let own = visit.app().settings_get(visit.who()).await?;
    let above = visit.app().settings_above(visit.who()).await?;
    let above: Vec<(String, Value)> = above.iter().map(|(org, settings)| (org.name.clone(), settings.to_json())).collect();
    let nearest = |pointer: &str| above.iter().find_map(|(name, chosen)| Some((name, chosen.pointer(pointer)?)));
    let field = |setting: Setting| {
        let (section, name) = (setting.section(), setting.name());
        let chosen = if form == Some(section) { typed(visit, setting) } else { own[section][name].clone() };
        let inherited = nearest(&format!("/{section}/{name}"));
        let (kind, words): (_, &[&str]) = match setting.form() {
            Form::Number(_) => ("number", &[]),
            Form::Choice(words) => ("choice", words),
            Form::Flag => ("choice", &["yes", "no"]),
            Form::Texts(_) => ("lines", &[]),
            _ => ("text", &[]),
        };
        json!({
            "name": name, "label": label(name), "api": format!("{section}.{name}"), "about": setting.about(), "kind": kind,
            "words": words, "is_chosen": !chosen.is_null(), "value": text(&chosen), "in_words": in_words(setting, &chosen),
            "inherited": inherited.map(|(_, value)| text(value)), "from": inherited.map(|(from, _)| from),
            "inherited_in_words": inherited.map(|(_, value)| in_words(setting, value)),
        })
    };
    let section =
        |name: &'static str| json!({ "name": name, "label": label(name), "fields": of(name).map(field).collect::<Vec<_>>() });
    let typed = (form == Some(BEHAVIOUR)).then(|| behaviour(visit));
    let chosen = typed.as_ref().unwrap_or(&own);
    let (profile, log) = (nearest("/profile"), nearest("/log"));
    let switch = |quirk: &Quirk| {
        let name = quirk.name();
        // Who chooses a profile chooses all its switches.
        let chosen_by = |chosen: &Value, who: &str| match (&chosen["quirks"][name], chosen["profile"].as_str()) {
            (Value::Bool(_), _) => Some(who.to_owned()),
            (_, Some(profile)) => Some(format!("{who}, profile {profile}")),
            _ => None,
        };
        let here = chosen_by(&own, "this organization");
        let from = here.or_else(|| above.iter().find_map(|(org, settings)| chosen_by(settings, org)));
        json!({
            "name": name, "about": quirk.about(), "chosen": chosen["quirks"][name], "is_on": own["effective"]["quirks"][name],
            "from": from.unwrap_or_else(|| "the server".into()),
        })
    };
    Ok(json!({
        "profiles": Preset::ALL.map(Preset::name), "logs": Logged::ALL.map(Logged::name), "profile": chosen["profile"],
        "log": chosen["log"], "profile_above": profile.map(|(_, value)| value), "profile_from": profile.map(|(from, _)| from),
        "log_above": log.map(|(_, value)| value), "log_from": log.map(|(from, _)| from),
        "holds": { "profile": own["effective"]["profile"], "log": own["effective"]["log"] },
        "switches": Quirk::ALL.iter().map(switch).collect::<Vec<_>>(), "form": form,
        "sections": Choices::sections().into_iter().map(section).collect::<Vec<_>>(),
    }))
}

/// A value, as its field shows it.
fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(is_so) => if *is_so { "yes" } else { "no" }.to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(texts) => texts.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n"),
        other => other.to_string(),
    }
}

/// Seconds, as people count them; nothing for what is none.
fn in_words(setting: Setting, value: &Value) -> String {
    let seconds = value.as_u64().filter(|seconds| *seconds > 0 && setting.about().to_lowercase().contains("seconds"));
    let units = [(86_400, "day"), (3600, "hour"), (60, "minute")];
    let unit = |seconds: u64| {
        units.into_iter().find(|(unit, _)| seconds.is_multiple_of(*unit)).map(|(unit, name)| (seconds / unit, name))
    };
    let words = seconds.and_then(unit).map(|(count, name)| format!("{count} {name}{}", if count == 1 { "" } else { "s" }));
    words.unwrap_or_default()
}

/// `lifetimeMin` as `Lifetime min`.
fn label(name: &str) -> String {
    let mut label = String::new();
    for (at, char) in name.char_indices() {
        match char {
            first if at == 0 => label.extend(first.to_uppercase()),
            capital if capital.is_uppercase() => {
                label.push(' ');
                label.extend(capital.to_lowercase());
            }
            other => label.push(other),
        }
    }
    label
}

/// `settings/letters`: a letter as it would be sent; posted, one that is sent to try it.
pub(super) async fn letters(visit: &Visit, is_post: bool) -> Answer {
    let fields = if is_post { &visit.form } else { &visit.query };
    let some = |name: &str| Some(fields.get(name)).filter(|text| !text.is_empty());
    let sample =
        Sample { kind: some("kind").and_then(Kind::of).unwrap_or_default(), language: some("language").map(str::to_owned) };
    let letter = visit.app().mail_preview(visit.who(), &sample).await?;
    let mut page = json!({
        "kind": sample.kind.as_str(), "kinds": Kind::ALL.map(Kind::as_str), "language": letter["language"],
        "languages": catalogue::tags().collect::<Vec<_>>(), "subject": letter["subject"], "from": letter["from"],
        "reply_to": letter["replyTo"], "text": letter["text"], "html": letter["html"], "user_name": some("user_name"),
        "may_send": visit.may(Scope::SettingsWrite), "sent": null,
    });
    if !is_post {
        return Ok(visit.show("letters", &page));
    }
    match visit.app().mail_test(visit.who(), some("user_name"), &sample).await {
        Ok(sent) => {
            page["sent"] = sent;
            Ok(visit.show("letters", &page))
        }
        Err(error) => visit.again("letters", &page, error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_shown_as_they_are_typed_and_spans_in_words() {
        assert_eq!((label("lifetimeMin"), label("mail")), ("Lifetime min".to_owned(), "Mail".to_owned()));
        let lifetime = Setting::InvitationLifetime;
        for (seconds, words) in [(259_200, "3 days"), (3600, "1 hour"), (5400, "90 minutes"), (61, ""), (0, "")] {
            assert_eq!(in_words(lifetime, &json!(seconds)), words, "{seconds}");
        }
        assert_eq!(in_words(Setting::InvitationsPerDay, &json!(3600)), "");
        assert_eq!([json!(null), json!(true), json!(7), json!(["a", "b"])].map(|value| text(&value)), ["", "yes", "7", "a\nb"]);
    }
}
