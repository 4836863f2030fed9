//! The nasty texts: at least five hundred, by kind. Most are generated, so that no member of a kind is forgotten.

use std::collections::HashSet;

use super::phrases::{
    cases, emoji, encodings, markup, normal_forms, numbers, other_languages, owned, scripts, sql, words,
};

/// A text as it stands in a request.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Nasty {
    /// The literal in JSON, with its quotes.
    pub json: String,
    /// The text; `None` if the literal is of none, as a lone surrogate.
    pub text: Option<String>,
}

impl Nasty {
    fn of(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { json: serde_json::Value::from(text.as_str()).to_string(), text: Some(text) }
    }

    /// The text in an address. A lone surrogate is written as the three bytes that UTF-8 forbids.
    pub fn percent(&self) -> String {
        let bytes = self.text.as_ref().map_or(&b"a\xed\xa0\x80b"[..], |text| text.as_bytes());
        bytes.iter().map(|byte| format!("%{byte:02X}")).collect()
    }
}

/// All of them, each once.
pub fn all() -> Vec<Nasty> {
    let mut seen = HashSet::new();
    let mut all: Vec<Nasty> = kinds().into_iter().flatten().map(Nasty::of).chain(no_texts()).collect();
    all.retain(|nasty| seen.insert(nasty.clone()));
    all
}

/// What JSON can say and no text is: halves of surrogate pairs, and bad escapes.
fn no_texts() -> Vec<Nasty> {
    [
        r"\ud800",
        r"\udfff",
        r"a\ud800b",
        r"a\udc00b",
        r"\ud83d",
        r"\ud83dx",
        r"\ude00\ud83d",
        r"\ud800\ud800",
        r"\uD83D\u0041",
        r"\udbff\uffff",
        r"\x41",
        r"\u12",
        r"\u{41}",
        r"\0",
        r"\a",
    ]
    .map(|inner| Nasty { json: format!("\"{inner}\""), text: None })
    .to_vec()
}

fn kinds() -> Vec<Vec<String>> {
    vec![
        controls(),
        blanks(),
        formats(),
        bidi(),
        marks(),
        emoji(),
        scripts(),
        sizes(),
        sql(),
        markup(),
        other_languages(),
        numbers(),
        words(),
        encodings(),
        normal_forms(),
        cases(),
        no_characters(),
        around(),
    ]
}

/// Each character alone and between letters.
fn alone_and_within(chars: impl IntoIterator<Item = char>) -> Vec<String> {
    chars.into_iter().flat_map(|c| [c.to_string(), format!("a{c}b")]).collect()
}

/// All of `Cc`, U+0000 among them.
fn controls() -> Vec<String> {
    let mut all = alone_and_within(('\0'..='\u{1f}').chain('\u{7f}'..='\u{9f}'));
    all.extend(owned(&[
        "\0\0\0",
        "\0a",
        "a\0",
        "a\r\nb",
        "\u{1b}[31mred\u{1b}[0m",
        "\u{1b}]0;title\u{7}",
        "a\u{8}\u{8}b",
    ]));
    all
}

/// White space of any width, alone, within and in a row.
fn blanks() -> Vec<String> {
    let blanks = "\u{20}\u{a0}\u{1680}\u{2000}\u{2001}\u{2002}\u{2003}\u{2004}\u{2005}\u{2006}\u{2007}\u{2008}\u{2009}\u{200a}\u{2028}\u{2029}\u{202f}\u{205f}\u{3000}\u{2800}\u{3164}\u{ffa0}\u{115f}\u{1160}";
    let mut all = alone_and_within(blanks.chars());
    all.extend([String::new(), " ".repeat(50), "\t\n\r ".to_owned(), blanks.to_owned()]);
    all
}

/// Format characters, fillers, selectors and tags.
fn formats() -> Vec<String> {
    let formats = "\u{ad}\u{34f}\u{600}\u{61c}\u{6dd}\u{70f}\u{17b4}\u{180b}\u{180e}\u{200b}\u{200c}\u{200d}\u{200e}\u{200f}\u{2060}\u{2061}\u{2064}\u{206a}\u{206f}\u{fe00}\u{fe0e}\u{fe0f}\u{feff}\u{fff9}\u{fffb}\u{1bca0}\u{1d173}\u{e0001}\u{e0041}\u{e007f}\u{e0100}\u{e01ef}";
    let mut all = alone_and_within(formats.chars());
    all.extend([formats.to_owned(), "\u{200d}".repeat(300), "a\u{200b}".repeat(20)]);
    all
}

/// Bidirectional controls without and with their counterparts.
fn bidi() -> Vec<String> {
    let scoped = ('\u{202a}'..='\u{202e}').chain('\u{2066}'..='\u{2069}');
    let mut all: Vec<String> = scoped
        .flat_map(|c| [c.to_string(), format!("{c}ab"), format!("a{c}b"), format!("ab{c}"), c.to_string().repeat(130)])
        .collect();
    all.extend(owned(&[
        "\u{2067}ليلى\u{2069}",
        "\u{202b}ليلى\u{202c}",
        "photo\u{202e}gpj.exe",
        "\u{202e}nimda\u{202c}",
        "\u{2066}a\u{202e}b\u{2069}c",
        "\u{202a}a\u{2069}b\u{202c}",
        "\u{2068}\u{2068}a\u{2069}",
        "a\u{202c}\u{202c}b",
        "\u{2069}\u{2066}",
        "\u{202e}a\nb\u{202c}",
        "abc ליל def",
        "(ليلى) [7]",
    ]));
    all
}

/// Marks without letters, on letters, and in towers.
fn marks() -> Vec<String> {
    let alone = "\u{301}\u{327}\u{483}\u{591}\u{5b0}\u{64b}\u{670}\u{903}\u{93f}\u{e31}\u{20dd}\u{20e3}\u{3099}\u{fe20}\u{1d165}";
    let mut all = alone_and_within(alone.chars());
    all.extend([2, 8, 9, 50, 1_000].map(|height| format!("e{}", "\u{301}".repeat(height))));
    all.extend([
        alone.to_owned(),
        "ทู้้้้้้้้้้".to_owned(),
        "z\u{335}a\u{338}l\u{322}g\u{336}o\u{321}".to_owned(),
        "بِسْمِ ٱللَّٰهِ".to_owned(),
    ]);
    all
}

/// Around each bound that a field has, in characters of one, two and four bytes; and far above all of them.
fn sizes() -> Vec<String> {
    let bounds = [1, 2, 24, 25, 35, 36, 40, 41, 60, 61, 128, 129, 200, 201, 2_000, 2_001, 6_000];
    let mut all: Vec<String> =
        ["x", "ل", "🎁"].iter().flat_map(|c| bounds.iter().map(move |size| c.repeat(*size))).collect();
    all.extend(["﷽".repeat(40), "x".repeat(63_000), "x".repeat(100_000), "a ".repeat(3_000), "\u{e9}".repeat(31_000)]);
    all
}

/// Noncharacters, the replacement character, private ones, and ones that no version of Unicode has yet.
fn no_characters() -> Vec<String> {
    let mut all = alone_and_within([
        '\u{fffe}',
        '\u{ffff}',
        '\u{fdd0}',
        '\u{fdef}',
        '\u{1fffe}',
        '\u{10ffff}',
        '\u{fffd}',
        '\u{fffc}',
        '\u{e000}',
        '\u{f8ff}',
        '\u{f0000}',
        '\u{378}',
        '\u{2fe0}',
        '\u{50000}',
        '\u{d7ff}',
    ]);
    all.push("\u{d7ff}\u{e000}\u{ffff}\u{10000}\u{10ffff}".to_owned());
    all
}

fn around() -> Vec<String> {
    owned(&[
        " a",
        "a ",
        " a ",
        "\ta\t",
        "a\n",
        "\na",
        "a  b",
        "\u{a0}a\u{a0}",
        "\u{3000}a",
        "\u{feff}a",
        "a\u{200b}",
        "\u{200e}a\u{200f}",
        "a\u{85}",
        "a\u{2028}",
        ".a.",
        "-",
        "_",
        "—",
    ])
}

#[test]
fn there_are_at_least_five_hundred() {
    let all = all();
    assert!(all.len() >= 500, "{}", all.len());
    for nasty in &all {
        let read = serde_json::from_str::<String>(&nasty.json).ok();
        assert_eq!(read, nasty.text, "{}", nasty.json);
    }
}
