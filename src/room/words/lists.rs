//! Lists of words as a filter: all words are looked for at once, in one pass over a line. In a room that names its language the
//! words of its list count and those of the general one; in any other room, those of all lists.
//!
//! Case, accents and marks make no difference, nor do invisible characters, the tatweel, and how many spaces stand between two
//! words. A word is found where it stands by itself; with `*` at its beginning or end it may go on there, so that `*word*` is
//! found within other words, as it must be in languages that are written without spaces.

use aho_corasick::{AhoCorasick, BuildError, Match};
use unicode_normalization::char::{decompose_compatible, is_combining_mark};

use super::{Verdict, WordAct, WordFilter};

/// The code of the general list, whose words count in all rooms: “multiple languages” in ISO 639-2.
pub const GENERAL: &str = "mul";

/// A word of a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// The code of the list's language, of two or three letters, or [`GENERAL`].
    pub language: String,
    /// The word or phrase, with `*` at the beginning or end if it may go on there.
    pub word: String,
    /// What is to become of a line that has it.
    pub act: WordAct,
}

/// The filter of lists of words.
#[derive(Debug)]
pub struct Lists {
    finder: AhoCorasick,
    /// The rule of each pattern of the finder.
    rules: Vec<Rule>,
}

#[derive(Clone, Copy, Debug)]
struct Rule {
    /// The language whose rooms it counts in, beside those that name none; `None` for all rooms.
    language: Option<Code>,
    act: WordAct,
    is_open_before: bool,
    is_open_behind: bool,
}

/// The code of a language as a value: its letters, with zeros behind them.
type Code = [u8; 3];

fn code(language: &str) -> Code {
    let mut code = Code::default();
    for (place, letter) in code.iter_mut().zip(language.bytes()) {
        *place = letter;
    }
    code
}

impl Lists {
    /// The filter of these words; `None` if there are none.
    ///
    /// # Errors
    /// If the words are too many or too long for the machine that looks for them.
    pub fn of(entries: &[Entry]) -> Result<Option<Self>, BuildError> {
        let (mut patterns, mut rules) = (Vec::new(), Vec::new());
        for Entry { language, word, act } in entries {
            let (is_open_before, is_open_behind) = (word.starts_with('*'), word.len() > 1 && word.ends_with('*'));
            let mut pattern = String::new();
            fold(word.trim_matches('*').trim(), |part, _| pattern.push(part));
            if !pattern.is_empty() {
                patterns.push(pattern);
                let language = (language != GENERAL).then(|| code(language));
                rules.push(Rule { language, act: *act, is_open_before, is_open_behind });
            }
        }
        if patterns.is_empty() {
            return Ok(None);
        }
        let finder = AhoCorasick::builder().ascii_case_insensitive(true).build(&patterns)?;
        Ok(Some(Self { finder, rules }))
    }

    /// The places in a folded line where a word is, each with what is to become of the line.
    fn hits<'a>(&'a self, folded: &'a str, room: Option<Code>) -> impl Iterator<Item = (Match, WordAct)> + 'a {
        self.finder.find_overlapping_iter(folded).filter_map(move |hit| {
            let rule = self.rules[hit.pattern().as_usize()];
            if room.is_some() && rule.language.is_some() && rule.language != room {
                return None;
            }
            let goes_on = |next: Option<char>| next.is_some_and(char::is_alphanumeric);
            let is_within = !rule.is_open_before && goes_on(folded[..hit.start()].chars().next_back())
                || !rule.is_open_behind && goes_on(folded[hit.end()..].chars().next());
            (!is_within).then_some((hit, rule.act))
        })
    }

    /// The worst of what the words of a folded line want.
    fn worst(&self, folded: &str, room: Option<Code>) -> Option<WordAct> {
        let mut worst = None;
        for (_, act) in self.hits(folded, room) {
            worst = worst.max(Some(act));
            if act == WordAct::Refuse {
                break;
            }
        }
        worst
    }

    /// The line with asterisks in place of the words that are found. It is rare, so it may be slow.
    fn masked(&self, text: &str, room: Option<Code>) -> String {
        let (mut folded, mut sources) = (String::new(), Vec::new());
        fold(text, |part, at| {
            folded.push(part);
            sources.resize(folded.len(), at);
        });
        let mut is_hidden = vec![false; text.len()];
        for (hit, _) in self.hits(&folded, room) {
            let (first, last) = (sources[hit.start()], sources[hit.end() - 1]);
            is_hidden[first..=last].fill(true);
        }
        let mut masked = String::with_capacity(text.len());
        let mut was_hidden = false;
        for (at, letter) in text.char_indices() {
            // A mark goes with the letter that it stands on.
            let hides = if is_mark(letter) { was_hidden } else { is_hidden[at] };
            match hides {
                true if is_mark(letter) => {}
                true if !letter.is_whitespace() => masked.push('*'),
                _ => masked.push(letter),
            }
            was_hidden = hides;
        }
        masked
    }
}

impl WordFilter for Lists {
    /// One pass and no allocation for a line of ASCII, which is most; another line is folded first, into one string.
    fn judge_in(&self, text: &str, language: Option<&str>) -> Verdict {
        let room = language.map(code);
        let worst = if is_folded(text) { self.worst(text, room) } else { self.worst(&folded(text), room) };
        match worst {
            None => Verdict::Clean,
            Some(WordAct::Mask) => Verdict::Masked(self.masked(text, room)),
            Some(WordAct::Refuse) => Verdict::Refused,
        }
    }
}

/// Whether folding would change nothing but the case of ASCII letters, which the finder looks over.
fn is_folded(text: &str) -> bool {
    let mut was_space = true;
    text.bytes().all(|byte| {
        let is_space = byte == b' ';
        let is_plain = byte.is_ascii() && !byte.is_ascii_control() && !(is_space && was_space);
        was_space = is_space;
        is_plain
    })
}

/// Gives each character of the folded text, with where its own begins in the text.
fn fold(text: &str, mut push: impl FnMut(char, usize)) {
    let mut was_space = true;
    for (at, letter) in text.char_indices() {
        fold_letter(letter, &mut was_space, |part| push(part, at));
    }
}

/// Gives the characters of a letter of the folded text.
fn fold_letter(letter: char, was_space: &mut bool, mut push: impl FnMut(char)) {
    if letter.is_whitespace() {
        if !*was_space {
            push(' ');
        }
        *was_space = true;
    } else if letter.is_ascii() {
        push(letter.to_ascii_lowercase());
        *was_space = false;
    } else {
        // The order of the parts matters only for marks, which are left out, so each letter is taken apart by itself.
        decompose_compatible(letter, |part| {
            if !is_mark(part) {
                part.to_lowercase().for_each(&mut push);
                *was_space = false;
            }
        });
    }
}

/// The folded text.
pub(in crate::room) fn folded(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    fold(text, |part, _| folded.push(part));
    folded
}

/// Whether the text, folded, begins with this one, which is folded. No more of it is folded than it takes to know.
pub(in crate::room) fn begins(text: &str, beginning: &str) -> bool {
    let (mut rest, mut was_space, mut fits) = (beginning.chars(), true, true);
    for letter in text.chars() {
        if rest.as_str().is_empty() {
            return true;
        }
        fold_letter(letter, &mut was_space, |part| {
            fits &= rest.as_str().is_empty() || rest.next() == Some(part);
        });
        if !fits {
            return false;
        }
    }
    rest.as_str().is_empty()
}

/// Whether the character is a mark on another one, or shows nothing.
fn is_mark(letter: char) -> bool {
    is_combining_mark(letter)
        || matches!(letter, '\u{ad}' | '\u{61c}' | '\u{640}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}
