//! Where an attribute lives: in a column, in rows of another table, or in the document.

use super::filter::Params;
use crate::base::Timestamp;
use crate::scim::filter::Attr;
use crate::scim::{Kind, urn};

/// Where the values of an attribute are found.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// At most one value.
    One(Scalar),
    /// A value for each row of `from`, which ends in a `where` clause to be continued.
    Many {
        /// Tables and condition.
        from: String,
        /// Of one row.
        scalar: Scalar,
    },
}

/// A value as SQL.
#[derive(Clone, Debug)]
pub(super) struct Scalar {
    /// As it stands.
    pub(super) raw: String,
    /// Its folded form, if a column holds it.
    pub(super) key: Option<String>,
    /// How it is stored.
    pub(super) form: Form,
}

/// How a value is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// As SCIM writes it.
    Plain,
    /// In the document; an empty text counts as none (F-14).
    Json,
    /// 16 bytes.
    Id,
    /// Milliseconds since 1970.
    Millis,
}

/// What a sub-attribute is looked up in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Context {
    /// The resource `r`.
    Resource,
    /// One element of a multi-valued attribute: the row that [`elements`] names.
    Element,
}

impl Scalar {
    fn new(raw: impl Into<String>, form: Form) -> Scalar {
        Scalar { raw: raw.into(), key: None, form }
    }

    fn plain(raw: impl Into<String>) -> Scalar {
        Scalar::new(raw, Form::Plain)
    }

    fn json(extract: impl std::fmt::Display) -> Scalar {
        Scalar::new(format!("nullif({extract}, '')"), Form::Json)
    }

    fn keyed(raw: impl Into<String>, key: &str) -> Scalar {
        Scalar { raw: raw.into(), key: Some(key.into()), form: Form::Plain }
    }

    /// What is compared and sorted by: the folded form unless case matters.
    pub(super) fn comparable(&self, attr: &Attr) -> String {
        match (&self.key, self.form) {
            (_, Form::Id | Form::Millis) => self.raw.clone(),
            _ if attr.case_exact => self.raw.clone(),
            (Some(key), _) => key.clone(),
            (None, _) if attr.name == "userName" => format!("user_name_key({})", self.raw),
            (None, _) => format!("fold({})", self.raw),
        }
    }
}

/// Where `attr` of a resource of `kind` is found.
pub(super) fn place(attr: &Attr, kind: Kind, context: Context, now: Timestamp, params: &mut Params) -> Place {
    if attr.multi_valued {
        let scalar = element_value(attr, kind);
        return match context {
            Context::Element => Place::One(scalar),
            Context::Resource => Place::Many { from: elements(attr, kind), scalar },
        };
    }
    Place::One(match kind {
        Kind::User => user(attr, now, params),
        Kind::Group => group(attr),
        Kind::Invitation => invitation(attr, now, params),
        Kind::Organization => organization(attr),
        Kind::Custom(_) => match (attr.extension.as_deref(), attr.name.as_str()) {
            (None, "externalId") => Scalar::plain("r.external_id"),
            _ => common(attr, "r.type_name").unwrap_or_else(|| document(attr)),
        },
    })
}

/// The rows that are the elements of a multi-valued attribute, with a `where` clause to be continued.
pub(super) fn elements(attr: &Attr, kind: Kind) -> String {
    match (kind, attr.name.as_str()) {
        _ if attr.extension.is_some() => format!("json_each(r.doc, {}) e where true", path(attr, None)),
        (Kind::Group, "members") => "members m where m.org_id = r.org_id and m.group_id = r.id".into(),
        (Kind::User, "groups") => "members m join groups g on g.org_id = m.org_id and g.id = m.group_id \
            where m.org_id = r.org_id and m.user_id = r.id"
            .into(),
        (Kind::Invitation, "groups") => "invitation_groups m left join groups g on g.org_id = m.org_id and g.id = m.group_id \
            where m.org_id = r.org_id and m.invitation_id = r.id"
            .into(),
        (Kind::Invitation, _) => "(select null as value) e where false".into(),
        (Kind::Organization, "ancestors") => "org_paths m join orgs o on o.id = m.ancestor_id \
            where m.org_id = r.id and m.distance > 0"
            .into(),
        _ => format!("json_each(r.doc, {}) e where true", path(attr, None)),
    }
}

/// The JSON path of an attribute as an SQL literal. Names come from the schemas, never from a request.
pub(super) fn path(attr: &Attr, sub: Option<&str>) -> String {
    let mut path = "$".to_owned();
    for name in attr.extension.as_deref().into_iter().chain([attr.name.as_str()]).chain(sub) {
        path.push_str(&format!(".\"{}\"", name.replace('"', "")));
    }
    literal(&path)
}

pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn element_value(attr: &Attr, kind: Kind) -> Scalar {
    let sub = attr.sub.as_deref().unwrap_or("value");
    match (kind, attr.name.as_str(), sub) {
        (Kind::Group, "members", "value") => Scalar::new("coalesce(m.user_id, m.subgroup_id)", Form::Id),
        (Kind::Group, "members", "type") => Scalar::plain("iif(m.user_id is null, 'Group', 'User')"),
        (Kind::Group, "members", "display") => Scalar::plain(
            "coalesce((select coalesce(u.display_name, u.user_name) from users u where u.org_id = m.org_id and u.id = m.user_id), \
            (select g.display_name from groups g where g.org_id = m.org_id and g.id = m.subgroup_id))",
        ),
        (Kind::User, "groups", "value") => Scalar::new("g.id", Form::Id),
        (Kind::User, "groups", "type") => Scalar::plain("'direct'"),
        (Kind::User, "groups", "display") => Scalar::keyed("g.display_name", "g.display_name_key"),
        (Kind::Invitation, "groups", "value") => Scalar::new("m.group_id", Form::Id),
        (Kind::Invitation, "groups", "vanished") => Scalar::plain("iif(g.id is null, 1, null)"),
        (Kind::Invitation, "groups", "assigned") => Scalar::plain("m.is_given"),
        (Kind::Invitation, "groups", "display") => Scalar::plain("coalesce(g.display_name, m.display)"),
        (Kind::Organization, "ancestors", "value") => Scalar::new("o.id", Form::Id),
        (Kind::Organization, "ancestors", "display") => Scalar::keyed("o.name", "o.name_key"),
        (Kind::Organization, "ancestors", _) => Scalar::plain("null"),
        (Kind::Group, "members", _) | (Kind::User, "groups", _) | (Kind::Invitation, _, _) => Scalar::plain("null"),
        _ => {
            let inside = format!("json_extract(e.value, {})", literal(&format!("$.\"{}\"", sub.replace('"', ""))));
            match attr.sub {
                Some(_) => Scalar::json(format_args!("iif(e.type = 'object', {inside}, null)")),
                None => Scalar::json(format_args!("iif(e.type = 'object', {inside}, e.atom)")),
            }
        }
    }
}

fn user(attr: &Attr, now: Timestamp, params: &mut Params) -> Scalar {
    let document = || document(attr);
    match (attr.extension.as_deref(), attr.name.as_str(), attr.sub.as_deref()) {
        (None, "userName", None) => Scalar::keyed("r.user_name", "r.user_name_key"),
        (None, "displayName", None) => Scalar::keyed("r.display_name", "r.display_name_key"),
        (None, "externalId", None) => Scalar::plain("r.external_id"),
        // V-33: a membership is over by the clock, too.
        (None, "active", None) => Scalar::plain(format!("iif(r.until <= {}, 0, r.active)", params.add(now.0.into()))),
        (None, "name", Some("familyName")) => Scalar { key: Some("r.family_name_key".into()), ..document() },
        (None, "name", Some("givenName")) => Scalar { key: Some("r.given_name_key".into()), ..document() },
        (Some(urn::ENTERPRISE_USER), "manager", Some("value")) => Scalar::plain("r.manager_id"),
        (Some(urn::ENTERPRISE_USER), "manager", Some("displayName")) => Scalar::plain(
            "(select coalesce(u.display_name, u.user_name) from users u where u.org_id = r.org_id and u.id = text_id(r.manager_id))",
        ),
        _ => common(attr, "'User'").unwrap_or_else(document),
    }
}

fn group(attr: &Attr) -> Scalar {
    match (attr.extension.as_deref(), attr.name.as_str(), attr.sub.as_deref()) {
        (None, "displayName", None) => Scalar::keyed("r.display_name", "r.display_name_key"),
        (None, "externalId", None) => Scalar::plain("r.external_id"),
        _ => common(attr, "'Group'").unwrap_or_else(|| document(attr)),
    }
}

fn invitation(attr: &Attr, now: Timestamp, params: &mut Params) -> Scalar {
    // V-33: expiry waits for no job, so what a reader sees follows from the clock.
    let mut if_expired = |then: &str, otherwise: &str| {
        let now = params.add(now.0.into());
        Scalar::plain(format!("iif(r.status = 'pending' and r.expires_at <= {now}, {then}, {otherwise})"))
    };
    match (attr.name.as_str(), attr.sub.as_deref()) {
        ("userName", None) => Scalar::keyed("r.user_name", "r.user_name_key"),
        ("email", None) => Scalar::plain("nullif(r.email, '')"),
        ("status", None) => if_expired("'expired'", "r.status"),
        ("message", None) => Scalar::plain("r.message"),
        ("locale", None) => Scalar::plain("r.locale"),
        ("inviter", None) => Scalar::plain("r.inviter"),
        ("expiresAt", None) => Scalar::new("r.expires_at", Form::Millis),
        ("until", None) => Scalar::new("r.membership_until", Form::Millis),
        ("endedBy", None) => Scalar::plain("r.ended_by"),
        ("endedVia", None) => Scalar::plain("r.ended_via"),
        ("reason", None) => Scalar::plain("r.ended_reason"),
        ("endedAt", None) => Scalar { form: Form::Millis, ..if_expired("r.expires_at", "r.ended_at") },
        ("guest", Some("value")) => Scalar::new("r.guest_id", Form::Id),
        ("delivery", Some("state")) => Scalar::plain("r.delivery_state"),
        ("delivery", Some("attempts")) => Scalar::plain("r.delivery_attempts"),
        ("delivery", Some("resent")) => Scalar::plain("nullif(r.generation - 1, 0)"),
        ("delivery", Some("answer")) => Scalar::plain("r.delivery_answer"),
        ("delivery", Some("maybeDuplicate")) => Scalar::plain("nullif(r.delivery_unclear > 0, 0)"),
        ("delivery", Some("sentAt")) => Scalar::new("r.delivery_sent_at", Form::Millis),
        ("meta", Some("lastModified")) => Scalar { form: Form::Millis, ..if_expired("r.expires_at", "r.last_modified") },
        ("meta", Some("version")) => if_expired("'W/\"' || (r.version + 1) || '\"'", "'W/\"' || r.version || '\"'"),
        _ => common(attr, "'Invitation'").unwrap_or_else(|| Scalar::plain("null")),
    }
}

fn organization(attr: &Attr) -> Scalar {
    match (attr.extension.as_deref(), attr.name.as_str(), attr.sub.as_deref()) {
        (None, "handle", None) => Scalar::keyed("r.handle", "r.handle"),
        (None, "name", None) => Scalar::keyed("r.name", "r.name_key"),
        (None, "active", None) => Scalar::plain("r.active_own"),
        (None, "status", None) => Scalar::plain("iif(r.active, 'active', iif(r.active_own, 'suspended', 'inactive'))"),
        (None, "hasChildren", None) => Scalar::plain("exists (select 1 from orgs c where c.parent_id = r.id)"),
        (None, "parent", None | Some("value")) => Scalar::new("r.parent_id", Form::Id),
        (None, "parent", Some("display")) => Scalar::keyed(
            "(select p.name from orgs p where p.id = r.parent_id)",
            "(select p.name_key from orgs p where p.id = r.parent_id)",
        ),
        (None, "parent", _) => Scalar::plain("null"),
        _ => common(attr, "'Organization'").unwrap_or_else(|| document(attr)),
    }
}

fn common(attr: &Attr, resource_type: &str) -> Option<Scalar> {
    match (attr.extension.as_deref(), attr.name.as_str(), attr.sub.as_deref()) {
        (None, "id", None) => Some(Scalar::new("r.id", Form::Id)),
        (None, "meta", Some("created")) => Some(Scalar::new("r.created", Form::Millis)),
        (None, "meta", Some("lastModified")) => Some(Scalar::new("r.last_modified", Form::Millis)),
        (None, "meta", Some("version")) => Some(Scalar::plain("'W/\"' || r.version || '\"'")),
        (None, "meta", Some("resourceType")) => Some(Scalar::plain(resource_type)),
        // Where the world finds it depends on the address of this server, which no row knows.
        (None, "meta", _) => Some(Scalar::plain("null")),
        _ => None,
    }
}

fn document(attr: &Attr) -> Scalar {
    Scalar::json(format_args!("json_extract(r.doc, {})", path(attr, attr.sub.as_deref())))
}
