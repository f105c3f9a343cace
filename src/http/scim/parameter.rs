//! Parameters of lists, projections and conditions, as text that `scim` judges and with the types that the document shows.

use std::borrow::Cow;

use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaParamIn, MetaSchema, MetaSchemaRef};
use poem_openapi::types::{ParseError, ParseFromParameter, ParseResult, ToJSON, Type};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};
use serde_json::Value;

/// An integer. `scim` caps what is out of bounds (G-01 to G-04) instead of refusing it.
pub(in crate::http) struct Integer(pub(in crate::http) String);

/// Names of attributes, separated by commas. A parameter that is repeated means all its values.
pub(super) struct Names(pub(super) String);

/// A header whose value is a list: all its lines as one (RFC 9110 §5.3). Bytes that are no text stay, so that a condition that
/// nobody can read holds for nothing, rather than being none.
pub(super) struct ListHeader(Option<String>);

impl ListHeader {
    pub(super) fn as_deref(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

impl<'a> ApiExtractor<'a> for ListHeader {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::Parameter];

    type ParamType = ();
    type ParamRawType = ();

    fn param_in() -> Option<MetaParamIn> {
        Some(MetaParamIn::Header)
    }

    fn param_schema_ref() -> Option<MetaSchemaRef> {
        Some(String::schema_ref())
    }

    async fn from_request(request: &'a Request, _: &mut RequestBody, options: ExtractParamOptions<()>) -> poem::Result<Self> {
        let lines = request.headers().get_all(options.name).iter();
        let lines = lines.map(|line| String::from_utf8_lossy(line.as_bytes()).into_owned());
        Ok(ListHeader(lines.reduce(|list, more| format!("{list}, {more}"))))
    }
}

macro_rules! types {
    ($($name:ident: $schema:expr),+) => {$(
        impl Type for $name {
            const IS_REQUIRED: bool = true;

            type RawValueType = Self;

            type RawElementValueType = Self;

            fn name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn schema_ref() -> MetaSchemaRef {
                MetaSchemaRef::Inline(Box::new($schema))
            }

            fn as_raw_value(&self) -> Option<&Self> {
                Some(self)
            }

            fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
                Box::new(self.as_raw_value().into_iter())
            }
        }
    )+};
}

types!(Integer: MetaSchema::new_with_format("integer", "int64"), Names: MetaSchema::new("string"));

impl ParseFromParameter for Integer {
    fn parse_from_parameter(value: &str) -> ParseResult<Self> {
        Ok(Integer(value.to_owned()))
    }
}

impl ParseFromParameter for Names {
    fn parse_from_parameter(value: &str) -> ParseResult<Self> {
        Ok(Names(value.to_owned()))
    }

    fn parse_from_parameters<I: IntoIterator<Item = A>, A: AsRef<str>>(values: I) -> ParseResult<Self> {
        let joined = values.into_iter().map(|value| value.as_ref().to_owned()).reduce(|list, more| format!("{list},{more}"));
        joined.map(Names).ok_or_else(ParseError::expected_input)
    }
}

impl ToJSON for Names {
    fn to_json(&self) -> Option<Value> {
        Some(Value::String(self.0.clone()))
    }
}
