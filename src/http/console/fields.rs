//! The fields of a form or of a query string, in their order.

use poem::Request;

use crate::http::error::Rejection;
use crate::http::payload;

/// Each with its value; a name may stand there more than once.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Of a query string.
    pub(super) fn query(text: Option<&str>) -> Fields {
        Fields(form_urlencoded::parse(text.unwrap_or_default().as_bytes()).into_owned().collect())
    }

    /// Of the body of a form.
    pub(super) async fn form(request: &mut Request) -> Result<Fields, Rejection> {
        let body = request.take_body();
        let bytes = payload::read(request.headers(), body).await?;
        Ok(Fields(form_urlencoded::parse(&bytes).into_owned().collect()))
    }

    /// The value of `name`, without the blanks around it; empty where there is none.
    pub(super) fn get(&self, name: &str) -> &str {
        self.verbatim(name).trim()
    }

    /// The same; none where the form has no such field at all.
    pub(super) fn find(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.trim())
    }

    /// As it was typed: of a password, every blank counts.
    pub(super) fn verbatim(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// Every value of `name` that is not empty.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let values = self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.trim());
        values.filter(|value| !value.is_empty())
    }

    /// Whether there are none: nothing was sent yet.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The values of two names that stand beside each other, row by row, as they were typed.
    pub(super) fn rows(&self, first: &str, second: &str) -> impl Iterator<Item = [&str; 2]> {
        let of = |name: &str| self.0.iter().filter(|(known, _)| known == name).map(|(_, value)| &**value).collect::<Vec<_>>();
        of(first).into_iter().zip(of(second)).map(|(one, two)| [one, two])
    }

    /// Whether a box is ticked.
    pub(super) fn has(&self, name: &str) -> bool {
        !self.get(name).is_empty()
    }

    /// The lines of a text area, or what is between commas and blanks in them.
    pub(super) fn words(&self, name: &str) -> Vec<&str> {
        self.get(name).split([',', ';', ' ', '\t', '\r', '\n']).filter(|word| !word.is_empty()).collect()
    }

    /// `path` with those of `names` that have a value as its query, ready for one more parameter.
    pub(super) fn kept(&self, path: &str, names: &[&str]) -> String {
        let mut query = form_urlencoded::Serializer::for_suffix(format!("{path}?"), path.len() + 1);
        query.extend_pairs(names.iter().filter(|name| self.has(name)).map(|name| (name, self.get(name))));
        let mut address = query.finish();
        if !address.ends_with('?') {
            address.push('&');
        }
        address
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_name_and_passed_on_encoded() {
        let fields = Fields::query(Some("q=a%26b+c&id=1&id=&id=2&empty=&names=ada%2C+bob%0D%0Aeve&pw=+x+"));
        assert_eq!((fields.get("q"), fields.get("none"), fields.get("pw"), fields.verbatim("pw")), ("a&b c", "", "x", " x "));
        assert_eq!(fields.all("id").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(fields.words("names"), ["ada", "bob", "eve"]);
        assert_eq!(fields.rows("id", "pw").collect::<Vec<_>>(), [["1", " x "]]);
        assert!(fields.has("q") && !fields.has("empty"));
        assert_eq!(fields.kept("/users", &["q", "empty"]), "/users?q=a%26b+c&");
        assert_eq!(fields.kept("/users", &["empty"]), "/users?");
    }
}
