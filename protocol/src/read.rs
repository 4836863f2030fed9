//! The one reader of what clients send as JSON, for the socket's frames and the bodies of REST.
//!
//! It reads values as JSON Schema means them, and not as serde happens to:
//! - a number without a fraction is an integer, however it is written (`7`, `7.0`, `70e-1`);
//! - an object is an object, and not an array of its fields' values;
//! - no text has U+0000, which PostgreSQL cannot store.
//!
//! A refusal names the field that does not fit.

use std::fmt;

use serde::de::{
    self, Deserialize, DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, Unexpected, VariantAccess,
    Visitor,
};

use crate::error::{ErrorBody, ErrorCode};

/// Reads JSON text as a `T`, in one pass.
///
/// # Errors
/// The error of the parser, which names no field.
pub fn json<'a, T: Deserialize<'a>>(text: &'a str) -> serde_json::Result<T> {
    let mut json = serde_json::Deserializer::from_str(text);
    let value = T::deserialize(AsSchema(&mut json))?;
    json.end()?;
    Ok(value)
}

/// Reads JSON text as a `T`. What fits is read in one pass; only what does not is read once more, to find the field.
///
/// # Errors
/// What does not fit, and where it stands.
pub fn named<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Misfit> {
    json(text).or_else(|_| noting(text))
}

/// Reads JSON text as a `T`, and notes on the way where it stands, which costs an allocation for each field.
fn noting<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Misfit> {
    let json = &mut serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(AsSchema(&mut *json)).map_err(|error| {
        let path = error.path().to_string();
        Misfit { path, error: error.into_inner() }
    })?;
    json.end().map_err(|error| Misfit { path: ".".to_owned(), error })?;
    Ok(value)
}

/// What does not fit.
#[derive(Debug)]
pub struct Misfit {
    /// The path of the value, as `to.users[0]`; `.` for the whole.
    path: String,
    /// The parser's error.
    pub error: serde_json::Error,
}

impl Misfit {
    /// `bad_request` that names the field. The whole is called `whole`.
    pub fn body(&self, whole: &str) -> ErrorBody {
        let path = if self.path == "." { whole } else { &self.path };
        misfit(path, &self.error.to_string())
    }
}

/// `bad_request` made of serde's message about the value at this path.
pub fn misfit(path: &str, message: &str) -> ErrorBody {
    // For a field that is missing or unknown, serde gives the path of the object around it.
    let named = ["missing field `", "unknown field `", "duplicate field `"]
        .iter()
        .find_map(|start| message.strip_prefix(start)?.split('`').next())
        .filter(|name| !path.ends_with(*name));
    let field = match named {
        Some(name) if [".", "?", "data"].contains(&path) => name.to_owned(),
        Some(name) => format!("{path}.{name}"),
        None => path.to_owned(),
    };
    ErrorBody::new(ErrorCode::BadRequest)
        .message("some fields of the request are wrong; `fields` names them")
        .field(short(&field, 100), short(&plain(placeless(message)), 200))
}

/// The parser's message about text that is no envelope.
pub(crate) fn words(error: &serde_json::Error) -> String {
    short(placeless(&error.to_string()), 200)
}

/// serde's message without line and column, which in a command's data would be counted from where the data begins.
fn placeless(message: &str) -> &str {
    message.split(" at line ").next().unwrap_or(message)
}

/// serde's words without Rust's: what was expected, said as the documents say it. Words that need no change stay.
fn plain(message: &str) -> String {
    let whole = || "a whole number".to_owned();
    if message.contains("invalid digit found in string") || message.contains("cannot parse integer") {
        return whole();
    }
    if message.contains("number too large") || message.contains("number too small") {
        return "a whole number that is not so large".to_owned();
    }
    if message.contains("invalid float literal") {
        return "a number".to_owned();
    }
    if message.contains("provided string was not `true` or `false`") {
        return "true or false".to_owned();
    }
    let Some((start, expected)) = message.rsplit_once("expected ").filter(|(start, _)| start.starts_with("invalid "))
    else {
        return message.to_owned();
    };
    match expected.split(' ').next().unwrap_or_default() {
        "i64" | "i32" | "i16" | "i8" | "isize" | "i128" => whole(),
        "u64" | "usize" | "u128" => "a whole number, 0 at least".to_owned(),
        "u32" => format!("a whole number, 0 to {}", u32::MAX),
        "u16" => format!("a whole number, 0 to {}", u16::MAX),
        "u8" => format!("a whole number, 0 to {}", u8::MAX),
        "f64" | "f32" => "a number".to_owned(),
        "struct" | "map" => "an object".to_owned(),
        _ if expected == "a string" => "a text".to_owned(),
        _ if expected == "a boolean" => "true or false".to_owned(),
        _ if expected == "a sequence" => "an array".to_owned(),
        _ if expected.starts_with("unit") => "null".to_owned(),
        // What a type of this house expects is said in its own words.
        _ if start.starts_with("invalid type") || start.starts_with("invalid value") => expected.to_owned(),
        _ => message.to_owned(),
    }
}

/// Cuts a text to this many characters: what the client has sent is repeated in a message, but not at any length.
fn short(text: &str, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The integer that this number is to JSON Schema; `None` if it has a fraction, or if a float may have rounded it: 2^53 + 1
/// is read as 2^53.
fn whole(number: f64) -> Option<i64> {
    const ROUNDED: f64 = (1_u64 << 53) as f64;
    (number.fract() == 0.0 && number.abs() < ROUNDED).then_some(number as i64)
}

/// The words for a text that cannot be stored.
const NUL: &str = "a text without the character U+0000";

/// A deserializer that reads values as the file says; so do the parts of objects and arrays.
#[derive(Clone, Copy, Debug)]
pub struct AsSchema<D>(pub D);

macro_rules! forward {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            self.0.$method(Reading { visitor, is_object: false })
        }
    )*};
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for AsSchema<D> {
    type Error = D::Error;

    forward! {
        deserialize_any deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128 deserialize_f32 deserialize_f64
        deserialize_char deserialize_str deserialize_string deserialize_bytes deserialize_byte_buf deserialize_option
        deserialize_unit deserialize_seq deserialize_map
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_unit_struct(name, Reading { visitor, is_object: false })
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_newtype_struct(name, Reading { visitor, is_object: false })
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_tuple(len, Reading { visitor, is_object: false })
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_tuple_struct(name, len, Reading { visitor, is_object: false })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_struct(name, fields, Reading { visitor, is_object: true })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_enum(name, variants, Reading { visitor, is_object: false })
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_identifier(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_ignored_any(visitor)
    }

    fn is_human_readable(&self) -> bool {
        self.0.is_human_readable()
    }
}

/// A visitor of [`AsSchema`].
struct Reading<V> {
    visitor: V,
    /// Only an object fits.
    is_object: bool,
}

macro_rules! visit {
    ($($method:ident: $type:ty,)*) => {$(
        fn $method<E: de::Error>(self, value: $type) -> Result<V::Value, E> {
            self.visitor.$method(value)
        }
    )*};
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Reading<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(f)
    }

    visit! {
        visit_bool: bool, visit_i8: i8, visit_i16: i16, visit_i32: i32, visit_i64: i64, visit_i128: i128,
        visit_u8: u8, visit_u16: u16, visit_u32: u32, visit_u64: u64, visit_u128: u128, visit_char: char,
        visit_bytes: &[u8], visit_borrowed_bytes: &'de [u8], visit_byte_buf: Vec<u8>,
    }

    fn visit_f32<E: de::Error>(self, value: f32) -> Result<V::Value, E> {
        self.visit_f64(value.into())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<V::Value, E> {
        match whole(value) {
            // serde's unsigned types take both.
            Some(whole) => self.visitor.visit_i64(whole),
            None => self.visitor.visit_f64(value),
        }
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<V::Value, E> {
        if value.contains('\0') { Err(E::custom(NUL)) } else { self.visitor.visit_str(value) }
    }

    fn visit_borrowed_str<E: de::Error>(self, value: &'de str) -> Result<V::Value, E> {
        if value.contains('\0') { Err(E::custom(NUL)) } else { self.visitor.visit_borrowed_str(value) }
    }

    fn visit_string<E: de::Error>(self, value: String) -> Result<V::Value, E> {
        if value.contains('\0') { Err(E::custom(NUL)) } else { self.visitor.visit_string(value) }
    }

    fn visit_none<E: de::Error>(self) -> Result<V::Value, E> {
        self.visitor.visit_none()
    }

    fn visit_unit<E: de::Error>(self) -> Result<V::Value, E> {
        self.visitor.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        self.visitor.visit_some(AsSchema(deserializer))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        self.visitor.visit_newtype_struct(AsSchema(deserializer))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<V::Value, A::Error> {
        if self.is_object {
            return Err(de::Error::invalid_type(Unexpected::Seq, &self.visitor));
        }
        self.visitor.visit_seq(Parts(seq))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_map(Parts(map))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_enum(Parts(data))
    }
}

/// The parts of an object, an array or a variant, each read as [`AsSchema`] does. As a seed it reads one part.
struct Parts<A>(A);

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Parts<S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        self.0.deserialize(AsSchema(deserializer))
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Parts<A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        self.0.next_element_seed(Parts(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Parts<A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        self.0.next_key_seed(Parts(seed))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.0.next_value_seed(Parts(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, A: EnumAccess<'de>> EnumAccess<'de> for Parts<A> {
    type Error = A::Error;
    type Variant = Parts<A::Variant>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self::Variant), A::Error> {
        let (variant, data) = self.0.variant_seed(Parts(seed))?;
        Ok((variant, Parts(data)))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Parts<A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.0.unit_variant()
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        self.0.newtype_variant_seed(Parts(seed))
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, A::Error> {
        self.0.tuple_variant(len, Reading { visitor, is_object: false })
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        self.0.struct_variant(fields, Reading { visitor, is_object: true })
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::{json, misfit, named};
    use crate::command::Recipients;
    use crate::id::UserId;

    #[derive(Debug, PartialEq, Deserialize)]
    struct All {
        #[serde(default)]
        whole: Option<i64>,
        #[serde(default)]
        small: Option<u8>,
        #[serde(default)]
        text: Option<String>,
        #[serde(default)]
        flag: Option<bool>,
        #[serde(default)]
        list: Option<Vec<u8>>,
        #[serde(default)]
        object: Option<Box<All>>,
        #[serde(default)]
        number: Option<f64>,
        #[serde(default)]
        user: Option<UserId>,
        #[serde(default)]
        to: Option<Recipients>,
    }

    fn field(text: &str) -> (String, String) {
        let error = named::<All>(text).expect_err(text).body("data");
        (error.fields[0].field.clone(), error.fields[0].message.clone())
    }

    #[test]
    fn a_number_without_a_fraction_is_an_integer() {
        for text in ["7", "7.0", "7.000", "70e-1", "0.7e1", "7e0"] {
            let all: All =
                json(&format!(r#"{{"whole":{text},"small":{text},"list":[{text}],"user":{text}}}"#)).expect(text);
            assert_eq!((all.whole, all.small, all.list), (Some(7), Some(7), Some(vec![7])), "{text}");
            assert_eq!(all.user.map(UserId::number), Some(7));
        }
        assert_eq!(json::<All>(r#"{"whole":-0.0}"#).expect("zero").whole, Some(0));
        assert_eq!(json::<All>(r#"{"whole":-7.0}"#).expect("below").whole, Some(-7));
        assert_eq!(json::<All>(r#"{"whole":9007199254740991.0}"#).expect("exact").whole, Some((1 << 53) - 1));
        for text in ["7.5", "9007199254740992.0", "9007199254740993.0", "1e300", "-9007199254740993.0"] {
            assert_eq!(field(&format!(r#"{{"whole":{text}}}"#)).0, "whole", "{text}");
        }
        assert_eq!(field(r#"{"small":256.0}"#), ("small".into(), "a whole number, 0 to 255".into()));
        assert_eq!(json::<All>(r#"{"number":7.5}"#).expect("a number").number, Some(7.5));
        assert_eq!(json::<All>(r#"{"number":7.0}"#).expect("a number").number, Some(7.0));
    }

    #[test]
    fn an_array_is_no_object_at_any_depth() {
        assert_eq!(field("[1,2]"), ("data".into(), "an object".into()));
        assert_eq!(field(r#"{"object":[1]}"#), ("object".into(), "an object".into()));
        assert_eq!(field(r#"{"object":{"object":[1]}}"#), ("object.object".into(), "an object".into()));
    }

    #[test]
    fn no_text_has_a_nul() {
        let (name, why) = field(r#"{"object":{"text":"a\u0000b"}}"#);
        assert_eq!((name.as_str(), why.contains("U+0000")), ("object.text", true), "{why}");
    }

    #[test]
    fn the_field_and_what_it_takes_are_named() {
        for (text, name, words) in [
            (r#"{"whole":"x"}"#, "whole", "a whole number"),
            (r#"{"whole":1.5}"#, "whole", "a whole number"),
            (r#"{"small":256}"#, "small", "a whole number, 0 to 255"),
            (r#"{"text":1}"#, "text", "a text"),
            (r#"{"flag":"yes"}"#, "flag", "true or false"),
            (r#"{"list":1}"#, "list", "an array"),
            (r#"{"list":[1,"x"]}"#, "list[1]", "a whole number, 0 to 255"),
            (r#"{"object":1}"#, "object", "an object"),
            (r#"{"number":"1"}"#, "number", "a number"),
            (r#"{"to":{"users":["x"]}}"#, "to.users[0]", "a whole number"),
        ] {
            assert_eq!(field(text), (name.to_owned(), words.to_owned()), "{text}");
        }
        for said in ["invalid digit found in string", "cannot parse integer from empty string"] {
            assert_eq!(misfit("limit", said).fields[0].message, "a whole number");
        }
    }

    #[test]
    fn what_is_borrowed_and_raw_is_read_as_well() {
        #[derive(Deserialize)]
        struct Raw<'a> {
            #[serde(borrow)]
            kind: std::borrow::Cow<'a, str>,
            #[serde(borrow)]
            data: &'a serde_json::value::RawValue,
        }
        let raw: Raw<'_> = json(r#"{"kind":"x","data":{"a": [1, "\u0000"]}}"#).expect("the data is not read yet");
        assert!(matches!(raw.kind, std::borrow::Cow::Borrowed("x")));
        assert_eq!(raw.data.get(), r#"{"a": [1, "\u0000"]}"#);
    }
}
