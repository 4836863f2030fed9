//! Settings, each declared once: its name, type, default, bounds and sentence.
//!
//! From one declaration come the struct that file and environment are read into, its defaults, the check of its
//! bounds, and the line of `docs/settings.md`. A slice declares its table with [`settings!`](crate::settings!). A rule
//! that concerns two settings at once is a function, which the table names after `checked by`.

use std::fmt::Write;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

/// What is known of one setting beside its value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Setting {
    /// The whole name, as `room.grace_ms`.
    pub path: String,
    /// The value that holds if nothing is set, as the documents show it.
    pub default: String,
    /// The least and the greatest value of a number, or length of a text.
    pub bounds: Option<RangeInclusive<i128>>,
    /// What it is for: the doc comment at its declaration.
    pub sentence: &'static str,
    /// Whether its value is never shown.
    pub secret: bool,
}

/// A table of settings; [`settings!`](crate::settings!) implements it.
pub trait Table: Default + DeserializeOwned + Serialize {
    /// The description of each setting, those of the tables within included.
    fn known() -> Vec<Setting>;
}

/// A type that a setting can have.
pub trait Value: Serialize {
    /// Whether the value is never shown.
    const SECRET: bool = false;
    /// The unit of the measure in a sentence, with a space before it; empty for plain numbers.
    const UNIT: &'static str = "";

    /// What the bounds apply to: the number itself, or the length of a text. `None` if nothing is set.
    fn measure(&self) -> Option<i128> {
        None
    }
}

macro_rules! numbers {
    ($($number:ty)*) => {
        $(impl Value for $number {
            fn measure(&self) -> Option<i128> {
                i128::try_from(*self).ok()
            }
        })*
    };
}

numbers!(u16 u32 u64 usize i64);

impl Value for bool {}
impl Value for SocketAddr {}
impl Value for PathBuf {}
impl Value for Vec<String> {}

impl Value for String {
    const UNIT: &'static str = " bytes";

    fn measure(&self) -> Option<i128> {
        i128::try_from(self.len()).ok()
    }
}

impl<T: Value> Value for Option<T> {
    const SECRET: bool = T::SECRET;
    const UNIT: &'static str = T::UNIT;

    fn measure(&self) -> Option<i128> {
        self.as_ref().and_then(T::measure)
    }
}

impl Setting {
    /// The description of one declaration. The default is shown as it is, or as `shown` says if it depends on the
    /// machine or the command.
    pub fn new<T: Value>(
        path: String,
        default: &T,
        shown: Option<&str>,
        bounds: Option<RangeInclusive<i128>>,
        sentence: &'static str,
    ) -> Self {
        let value = || match serde_json::to_value(default).expect("a setting is a plain value") {
            Json::Null => "none".to_owned(),
            Json::Array(list) if list.is_empty() => "none".to_owned(),
            Json::String(text) => format!("`{text}`"),
            value => format!("`{value}`"),
        };
        let default = shown.map_or_else(value, str::to_owned);
        Self { path, default, bounds, sentence: sentence.trim(), secret: T::SECRET }
    }

    /// The setting's line in the table of `docs/settings.md`.
    pub fn line(&self) -> String {
        let bounds =
            self.bounds.as_ref().map_or(String::new(), |bounds| format!("{} to {}", bounds.start(), bounds.end()));
        format!("| `{}` | {} | {bounds} | {} |", self.path, self.default, self.sentence.replace('|', "\\|"))
    }
}

/// The whole name of the setting `name` in the table at the path `table`, which is empty for the outermost table.
pub fn path(table: &str, name: &str) -> String {
    if table.is_empty() { name.to_owned() } else { format!("{table}.{name}") }
}

/// The sentence about a value outside its bounds, with the setting's first sentence behind it; `None` if it is within.
pub fn outside<T: Value>(
    path: &str,
    value: &T,
    bounds: &RangeInclusive<i128>,
    sentence: &'static str,
) -> Option<String> {
    let measure = value.measure().filter(|measure| !bounds.contains(measure))?;
    let (low, high) = (bounds.start(), bounds.end());
    let first = sentence.split_once(". ").map_or(sentence, |(first, _)| first).trim().trim_end_matches('.');
    Some(format!("{path}: {measure}{} is not between {low} and {high}. {first}.", T::UNIT))
}

/// The table of these settings as Markdown.
pub fn table(settings: &[Setting]) -> String {
    let mut text = "| setting | default | bounds | what it is |\n| --- | --- | --- | --- |\n".to_owned();
    for setting in settings {
        writeln!(text, "{}", setting.line()).expect("writing to a string cannot fail");
    }
    text
}

/// Declares a table of settings: the struct that serde reads, its `Default`, `problems()`, and `settings()`, from which
/// the documents are written. A setting that is missing has its default; an unknown name is refused.
///
/// ```text
/// settings! {
///     /// What the table is for.
///     pub struct Settings at "room", checked by Self::contradictions {
///         /// The sentence: what it is, its unit, what happens beyond it.
///         mailbox: usize = 1_024, in 1..=65_536;
///         /// A default that depends on the machine is described with `shown`.
///         shards: usize = cores(), in 1..=1_024, shown "one a core";
///         /// A field without a default is a table of its own, declared elsewhere at "room.voice".
///         voice: voice::Settings;
///     }
/// }
/// ```
///
/// `checked by` names a `fn(&Self, &mut Vec<String>)` for what concerns more than one value; `beside { … }` declares
/// fields that are not read from anywhere.
#[macro_export]
macro_rules! settings {
    (
        $(#[doc = $about:literal])*
        $visibility:vis struct $Table:ident at $table:literal $(, checked by $check:path)? {
            $(
                $(#[doc = $sentence:literal])*
                $(#[serde $serde:tt])*
                $name:ident: $type:ty $(= $default:expr $(, in $bounds:expr)? $(, shown $shown:literal)?)?;
            )*
        }
        $(beside { $($(#[doc = $beside_doc:literal])* $beside:ident: $beside_type:ty;)* })?
    ) => {
        $(#[doc = $about])*
        #[derive(Clone, Debug, ::serde::Deserialize, ::serde::Serialize)]
        #[serde(default, deny_unknown_fields)]
        $visibility struct $Table {
            $(
                $(#[doc = $sentence])*
                $(#[serde $serde])*
                pub $name: $type,
            )*
            $($(
                $(#[doc = $beside_doc])*
                #[serde(skip)]
                pub $beside: $beside_type,
            )*)?
        }

        impl ::std::default::Default for $Table {
            fn default() -> Self {
                Self {
                    $($name: $crate::settings!(@default $type [$($default)?]),)*
                    $($($beside: ::std::default::Default::default(),)*)?
                }
            }
        }

        impl $crate::kit::settings::Table for $Table {
            fn known() -> ::std::vec::Vec<$crate::kit::settings::Setting> {
                Self::settings()
            }
        }

        impl $Table {
            /// A sentence, which begins with the setting's name, for every value that cannot work.
            pub fn problems(&self) -> ::std::vec::Vec<::std::string::String> {
                let mut problems = ::std::vec::Vec::new();
                $(problems.extend($crate::settings!(
                    @problems ($crate::kit::settings::path($table, stringify!($name))) (&self.$name)
                    (concat!($($sentence),*)) [$($default)?] [$($($bounds)?)?]
                ));)*
                $($check(self, &mut problems);)?
                problems
            }

            /// The description of each setting, those of the tables within included.
            pub fn settings() -> ::std::vec::Vec<$crate::kit::settings::Setting> {
                let mut settings = ::std::vec::Vec::new();
                $(settings.extend($crate::settings!(
                    @setting $type, ($crate::kit::settings::path($table, stringify!($name)))
                    (concat!($($sentence),*)) [$($default)?] [$($($bounds)?)?] [$($($shown)?)?]
                ));)*
                settings
            }
        }
    };
    (@default $type:ty []) => { <$type as ::std::default::Default>::default() };
    (@default $type:ty [$default:expr]) => { $default };
    (@problems ($path:expr) ($value:expr) ($sentence:expr) [] []) => { $value.problems() };
    (@problems ($path:expr) ($value:expr) ($sentence:expr) [$default:expr] []) => {
        ::std::option::Option::<::std::string::String>::None
    };
    (@problems ($path:expr) ($value:expr) ($sentence:expr) [$default:expr] [$bounds:expr]) => {
        $crate::kit::settings::outside(&$path, $value, &$bounds, $sentence)
    };
    (@setting $type:ty, ($path:expr) ($sentence:expr) [] [] []) => { <$type>::settings() };
    (@setting $type:ty, ($path:expr) ($sentence:expr) [$default:expr] [$($bounds:expr)?] [$($shown:literal)?]) => {{
        let default: $type = $default;
        let shown = [$($shown)?].first().copied();
        let bounds = [$($bounds)?].first().cloned();
        [$crate::kit::settings::Setting::new($path, &default, shown, bounds, $sentence)]
    }};
}

#[cfg(test)]
mod tests {
    settings! {
        /// A table within another.
        pub struct Inner at "outer.inner" {
            /// A name. More about it.
            name: String = "main".into(), in 1..=9;
        }
    }

    settings! {
        /// A table.
        pub struct Outer at "outer", checked by Self::contradictions {
            /// How many there may be; beyond it `busy`. Second sentence.
            many: Option<u32> = None, in 2..=5;
            /// How many there are at least.
            few: u64 = 1, in 0..=9, shown "as the machine has";
            /// The table within.
            inner: Inner;
        }
        beside {
            /// Not a setting.
            seen: bool;
        }
    }

    impl Outer {
        fn contradictions(&self, problems: &mut Vec<String>) {
            if self.many.is_some_and(|many| u64::from(many) < self.few) {
                problems.push("outer.many: at least outer.few".to_owned());
            }
        }
    }

    #[test]
    fn a_declaration_gives_defaults_checks_and_the_documents() {
        assert_eq!(Outer::default().problems(), Vec::<String>::new());
        let mut bad = Outer { many: Some(1), few: 3, ..Outer::default() };
        bad.inner.name.clear();
        assert_eq!(
            bad.problems(),
            [
                "outer.many: 1 is not between 2 and 5. How many there may be; beyond it `busy`.",
                "outer.inner.name: 0 bytes is not between 1 and 9. A name.",
                "outer.many: at least outer.few",
            ]
        );
        let lines: Vec<_> = Outer::settings().iter().map(super::Setting::line).collect();
        assert_eq!(
            lines,
            [
                "| `outer.many` | none | 2 to 5 | How many there may be; beyond it `busy`. Second sentence. |",
                "| `outer.few` | as the machine has | 0 to 9 | How many there are at least. |",
                "| `outer.inner.name` | `main` | 1 to 9 | A name. More about it. |",
            ]
        );
        assert!(serde_json::from_str::<Outer>(r#"{"seen":true}"#).is_err(), "a field under `beside` cannot be set");
        assert!(serde_json::from_str::<Outer>(r#"{"inner":{"name":"x","other":1}}"#).is_err());
    }
}
