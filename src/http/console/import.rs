//! `users/import`: several users from lines of a spreadsheet, each judged by itself. What cannot be made stays in the form.

use poem::http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};

use super::Answer;
use super::user_form::{SINGLE, object, put, spelled};
use super::visit::Visit;
use crate::auth::Scope;
use crate::base::limit::CONSOLE_NAMES_MAX;
use crate::base::text;
use crate::console::csv::{self, Line};
use crate::http::error::Rejection;
use crate::scim::{self, ScimType, urn};

/// What a column holds.
#[derive(Clone, Copy)]
enum Column {
    One(&'static [&'static str]),
    /// The first of several values.
    First(&'static str),
    /// Its heading is empty.
    Ignored,
}

/// The columns of lines without headings.
const COLUMNS: [&str; 4] = ["userName", "givenName", "familyName", "email"];

/// A line, and what becomes of it.
#[derive(Serialize)]
struct Row<'t> {
    number: usize,
    name: String,
    /// `new`, `created`, `there` or `wrong`.
    outcome: &'static str,
    id: Option<String>,
    detail: String,
    #[serde(skip)]
    text: &'t str,
}

/// The form; what it would come to; and what it came to.
pub(super) async fn import(visit: &Visit, is_post: bool) -> Answer {
    visit.require(Scope::UsersWrite)?;
    let typed = visit.form.verbatim("lines");
    if !is_post {
        return Ok(visit.show("import", &view(typed, "", &[], 0, false)));
    }
    let lines = csv::lines(typed);
    let again = |rejection: Rejection| visit.again("import", &view(typed, "", &[], 0, false), rejection);
    let (heading, columns) = match lines.first().map(columns) {
        Some(Ok(columns)) => columns,
        Some(Err(detail)) => return again(scim::Error::bad(ScimType::InvalidValue, detail).into()),
        None => return again(scim::Error::bad(ScimType::InvalidValue, "there is no line yet").into()),
    };
    let lines = &lines[usize::from(heading.is_some())..];
    let (now, later) = lines.split_at(lines.len().min(CONSOLE_NAMES_MAX));
    let before: usize = visit.form.get("before").parse().unwrap_or_default();
    let read: Vec<_> = now.iter().map(|line| user(line, &columns)).collect();
    let is_done = visit.form.get("do") == "create";
    let mut rows = match is_done {
        true => match created(visit, read).await {
            Ok(rows) => rows,
            Err(rejection) => return again(rejection),
        },
        false => judged(visit, read).await?,
    };
    for (at, (row, line)) in rows.iter_mut().zip(now).enumerate() {
        (row.number, row.text) = (before.saturating_add(at + 1), line.text);
    }
    let failed = rows.iter().filter(|row| row.outcome != "created").map(|row| row.text);
    let left: Vec<&str> = failed.chain(later.iter().map(|line| line.text)).collect();
    let text = match (is_done, &left[..]) {
        (false, _) => typed.to_owned(),
        (true, []) => String::new(),
        (true, left) => heading.into_iter().chain(left.iter().copied()).collect::<Vec<_>>().join("\n"),
    };
    let page = view(&text, &left.join("\n"), &rows, later.len(), is_done);
    Ok(if visit.form.has("part") { visit.part("import-found", &page) } else { visit.show("import", &page) })
}

fn view(text: &str, left: &str, rows: &[Row<'_>], later: usize, is_done: bool) -> Value {
    let count = |outcome: &str| rows.iter().filter(|row| row.outcome == outcome).count();
    json!({
        "text": text,
        "left": left,
        "rows": rows,
        "later": later,
        "is_done": is_done,
        "most": CONSOLE_NAMES_MAX,
        "new": count("new"),
        "created": count("created"),
        "there": count("there"),
        "wrong": count("wrong"),
        "columns": SINGLE.iter().map(|(name, ..)| *name).chain(["email", "phone"]).collect::<Vec<_>>(),
    })
}

/// The heading, if the first line is one, and what stands in each column.
fn columns<'t>(first: &Line<'t>) -> Result<(Option<&'t str>, Vec<Column>), String> {
    let column = |name: &str| {
        let is = |known: &str| known.eq_ignore_ascii_case(name);
        let single = SINGLE.iter().find(|(known, _, path)| is(known) || is(&spelled(path)));
        match single {
            Some((_, _, path)) => Some(Column::One(path)),
            None if name.is_empty() => Some(Column::Ignored),
            None if ["email", "emails", "emails.value"].into_iter().any(is) => Some(Column::First("emails")),
            None if ["phone", "phoneNumbers", "phoneNumbers.value"].into_iter().any(is) => Some(Column::First("phoneNumbers")),
            None => None,
        }
    };
    let is_heading = first.cells.iter().any(|cell| cell.eq_ignore_ascii_case("userName"));
    let names: Vec<&str> = if is_heading { first.cells.iter().map(String::as_str).collect() } else { COLUMNS.to_vec() };
    let columns =
        names.iter().map(|name| column(name).ok_or_else(|| format!("there is no column {name:?}, see which there are")));
    Ok((is_heading.then_some(first.text), columns.collect::<Result<_, _>>()?))
}

/// The user that a line describes, or what is wrong with it; and what it is called.
fn user(line: &Line<'_>, columns: &[Column]) -> (String, Result<Value, String>) {
    let mut user = json!({ "schemas": [urn::USER] });
    for (cell, column) in line.cells.iter().zip(columns) {
        match column {
            Column::One(path) => put(&mut user, path, cell),
            Column::First(name) if !cell.is_empty() => {
                user[*name] = json!([{ "value": cell, "type": "work", "primary": true }]);
            }
            Column::First(_) | Column::Ignored => {}
        }
    }
    let name = user["userName"].as_str().unwrap_or_default().to_owned();
    let has_more = line.cells.iter().skip(columns.len()).any(|cell| !cell.is_empty());
    let wrong = match line.is_closed {
        false => Some("a quotation mark is not closed".to_owned()),
        true => has_more.then(|| format!("{} values, expected {} at the most", line.cells.len(), columns.len())),
    };
    (name, wrong.map_or(Ok(user), Err))
}

fn row(name: String, outcome: &'static str, detail: String) -> Row<'static> {
    Row { number: 0, name, outcome, id: None, detail, text: "" }
}

/// Why a user was not made, or would not be.
fn refused(visit: &Visit, name: String, rejection: &Rejection) -> Row<'static> {
    if let Some(cause) = &rejection.cause {
        tracing::error!(org.id = %visit.org().id, cause = &**cause as &dyn std::error::Error, "a line could not be imported");
    }
    let is_there = rejection.status == StatusCode::CONFLICT;
    row(name, if is_there { "there" } else { "wrong" }, rejection.detail.clone())
}

/// What each line would come to.
async fn judged(visit: &Visit, read: Vec<(String, Result<Value, String>)>) -> Result<Vec<Row<'static>>, Rejection> {
    let (mut rows, mut names) = (Vec::with_capacity(read.len()), Vec::with_capacity(read.len()));
    for (name, user) in read {
        let key = text::user_name_key(&name);
        let first = names.iter().position(|known| *known == key).filter(|_| !name.is_empty());
        names.push(key);
        rows.push(match (user, first) {
            (Err(detail), _) => row(name, "wrong", detail),
            (Ok(_), Some(first)) => row(name, "there", format!("the same user name as line {}", first + 1)),
            (Ok(user), None) => match visit.app().user_check(visit.who(), object(user)).await {
                Ok(()) => row(name, "new", String::new()),
                Err(error) => refused(visit, name, &error.into()),
            },
        });
    }
    Ok(rows)
}

/// Makes what can be made.
async fn created(visit: &Visit, read: Vec<(String, Result<Value, String>)>) -> Result<Vec<Row<'static>>, Rejection> {
    let endpoint = &visit.who().schemas.user().endpoint;
    let users = read.iter().enumerate().filter_map(|(at, (_, user))| Some((at, user.as_ref().ok()?)));
    let operations: Vec<Value> =
        users.map(|(at, user)| json!({ "method": "POST", "path": endpoint, "bulkId": at.to_string(), "data": user })).collect();
    let mut entries = match operations.is_empty() {
        true => Vec::new(),
        false => {
            let body = json!({ "schemas": [urn::BULK_REQUEST], "Operations": operations });
            visit.app().bulk(visit.who(), None, object(body)).await?
        }
    }
    .into_iter();
    let row_of = |(name, user): (String, Result<Value, String>)| match user {
        Err(detail) => row(name, "wrong", detail),
        Ok(_) => match entries.next() {
            None => row(name, "wrong", "it was not tried".to_owned()),
            Some(entry) => match entry.outcome {
                Ok(_) => Row { id: entry.resource.map(|(_, id)| id), ..row(name, "created", String::new()) },
                Err(error) => refused(visit, name, &error.into()),
            },
        },
    };
    Ok(read.into_iter().map(row_of).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[Result<Value, &str>]) {
        let lines = csv::lines(text);
        let (heading, columns) = columns(&lines[0]).expect("columns");
        let users = lines[usize::from(heading.is_some())..].iter().map(|line| user(line, &columns).1);
        let users: Vec<_> = users.collect();
        let expected: Vec<_> = expected.iter().cloned().map(|user| user.map_err(str::to_owned)).collect();
        assert_eq!(users, expected);
    }

    #[test]
    fn a_line_becomes_a_user() {
        let ada = json!({
            "schemas": [urn::USER], "userName": "ada", "name": { "givenName": "Ada", "familyName": "Lovelace" },
            "emails": [{ "value": "a@x.test", "type": "work", "primary": true }],
        });
        check("ada,Ada,Lovelace,a@x.test", &[Ok(ada.clone())]);
        check("Email;USERNAME;name.familyName;givenName\na@x.test;ada;Lovelace;Ada", &[Ok(ada)]);
        let eve = json!({ "schemas": [urn::USER], "userName": "eve", (urn::ENTERPRISE_USER): { "department": "IT" } });
        check(
            "userName,,department\neve,x,IT,,\nbob,,,y\n\"mal",
            &[Ok(eve), Err("4 values, expected 3 at the most"), Err("a quotation mark is not closed")],
        );
        let unknown = columns(&csv::lines("userName,shoeSize")[0]).map(|_| ());
        assert_eq!(unknown, Err("there is no column \"shoeSize\", see which there are".to_owned()));
    }
}
