//! Query strings, which are read as strictly as bodies, and by the same rules ([`parlor_protocol::read`]).

use std::borrow::Cow;
use std::str::FromStr;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use parlor_protocol::read::{AsSchema, misfit};
use serde::de::value::{Error as Problem, MapDeserializer, StrDeserializer};
use serde::de::{self, DeserializeOwned, Deserializer, EnumAccess, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

use crate::kit::error::Error;

/// An extractor: the query string as a `T`, which should deny unknown parameters.
#[derive(Clone, Copy, Debug)]
pub struct ValidQuery<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for ValidQuery<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        parse(parts.uri.query().unwrap_or_default()).map(Self)
    }
}

fn parse<T: DeserializeOwned>(query: &str) -> Result<T, Error> {
    let pairs = form_urlencoded::parse(query.as_bytes()).map(|(name, value)| (name, Value(value)));
    serde_path_to_error::deserialize(AsSchema(MapDeserializer::<_, Problem>::new(pairs)))
        .map_err(|error| misfit(&error.path().to_string(), &error.inner().to_string()).into())
}

/// The value of a parameter. It is text; what is wanted says whether it is a number.
struct Value<'a>(Cow<'a, str>);

impl Value<'_> {
    /// The whole number that the text is. `7.0` is one too, as in JSON Schema.
    fn whole<T: FromStr<Err: std::fmt::Display>>(&self) -> Result<T, Problem> {
        let digits = match self.0.split_once('.') {
            Some((whole, zeros)) if !zeros.is_empty() && zeros.bytes().all(|byte| byte == b'0') => whole,
            _ => &self.0,
        };
        digits.parse().map_err(de::Error::custom)
    }
}

macro_rules! parsed {
    ($($method:ident $visit:ident $how:ident,)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
            visitor.$visit(self.$how()?)
        }
    )*};
}

impl Value<'_> {
    fn number(&self) -> Result<f64, Problem> {
        self.0.parse().map_err(de::Error::custom)
    }

    fn flag(&self) -> Result<bool, Problem> {
        self.0.parse().map_err(de::Error::custom)
    }
}

impl<'de> Deserializer<'de> for Value<'_> {
    type Error = Problem;

    parsed! {
        deserialize_i8 visit_i8 whole, deserialize_i16 visit_i16 whole, deserialize_i32 visit_i32 whole,
        deserialize_i64 visit_i64 whole, deserialize_u8 visit_u8 whole, deserialize_u16 visit_u16 whole,
        deserialize_u32 visit_u32 whole, deserialize_u64 visit_u64 whole,
        deserialize_f32 visit_f64 number, deserialize_f64 visit_f64 number, deserialize_bool visit_bool flag,
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_string(self.0.into_owned())
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        visitor.visit_enum(self)
    }

    forward_to_deserialize_any! {
        i128 u128 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

impl<'de> EnumAccess<'de> for Value<'_> {
    type Error = Problem;
    type Variant = <StrDeserializer<'static, Problem> as EnumAccess<'de>>::Variant;

    fn variant_seed<S: de::DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self::Variant), Problem> {
        let text: StrDeserializer<'_, Problem> = (&*self.0).into_deserializer();
        text.variant_seed(seed)
    }
}

impl<'de> IntoDeserializer<'de, Problem> for Value<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

#[cfg(test)]
mod tests {
    use parlor_protocol::UserId;
    use serde::Deserialize;

    use super::parse;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Order {
        NewestFirst,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Asked {
        q: Option<String>,
        limit: Option<u32>,
        after: Option<i64>,
        user: Option<UserId>,
        sort: Option<Order>,
        all: Option<bool>,
    }

    fn refused(query: &str) -> (String, String) {
        let error = parse::<Asked>(query).expect_err(query);
        (error.body.fields[0].field.clone(), error.body.fields[0].message.clone())
    }

    #[test]
    fn each_value_is_read_as_what_is_wanted() {
        let asked: Asked = parse("q=a%20b+c&limit=7&after=-7&user=7&sort=newest_first&all=true").expect("it fits");
        assert_eq!((asked.q.as_deref(), asked.limit, asked.after), (Some("a b c"), Some(7), Some(-7)));
        assert_eq!((asked.user, asked.sort, asked.all), (UserId::new(7), Some(Order::NewestFirst), Some(true)));
        assert_eq!(parse::<Asked>("").expect("nothing is asked").limit, None);
        assert_eq!(parse::<Asked>("q=7.0&limit=7.00").expect("it fits").q.as_deref(), Some("7.0"), "a text stays");
        assert_eq!(parse::<Asked>("limit=7.00").expect("an integer").limit, Some(7));
    }

    #[test]
    fn the_parameter_that_is_wrong_is_named() {
        for (query, field, words) in [
            ("limit=x", "limit", "a whole number"),
            ("limit=", "limit", "a whole number"),
            ("limit=7.5", "limit", "a whole number"),
            ("limit=-1", "limit", "a whole number"),
            ("limit=99999999999", "limit", "a whole number that is not so large"),
            ("all=yes", "all", "true or false"),
            ("limit=1&limit=2", "limit", "duplicate field `limit`"),
        ] {
            assert_eq!(refused(query), (field.to_owned(), words.to_owned()), "{query}");
        }
        assert_eq!(refused("other=1").0, "other");
        assert_eq!(refused("q=a%00b").0, "q");
        assert_eq!(refused("sort=oldest").0, "sort");
        assert_eq!(refused("user=0").0, "user");
    }
}
