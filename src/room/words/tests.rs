//! Tests of the filter of lists.

use proptest::prelude::*;

use super::*;

fn entry(language: &str, word: &str, act: WordAct) -> Entry {
    Entry { language: language.to_owned(), word: word.to_owned(), act }
}

fn lists(words: &[(&str, WordAct)]) -> Lists {
    let entries: Vec<_> = words.iter().map(|(word, act)| entry(GENERAL, word, *act)).collect();
    Lists::of(&entries).expect("a filter").expect("words")
}

fn masked(lists: &Lists, text: &str) -> String {
    match lists.judge(text) {
        Verdict::Masked(masked) => masked,
        Verdict::Clean => text.to_owned(),
        Verdict::Refused => panic!("refused: {text}"),
    }
}

#[test]
fn a_word_is_masked_where_it_stands_by_itself() {
    let lists = lists(&[("darn", WordAct::Mask), ("two words", WordAct::Mask)]);
    for (text, expected) in [
        ("darn", "****"),
        ("Well, DARN!", "Well, ****!"),
        ("darning a sock, undarned", "darning a sock, undarned"),
        ("darn darn", "**** ****"),
        ("two  words and two\nwords", "***  ***** and ***\n*****"),
        ("good evening", "good evening"),
        ("d a r n", "d a r n"),
        ("", ""),
    ] {
        assert_eq!(masked(&lists, text), expected, "{text:?}");
    }
}

#[test]
fn case_accents_marks_and_what_cannot_be_seen_make_no_difference() {
    let lists = lists(&[("merde", WordAct::Mask), ("احمق", WordAct::Mask), ("ışıl", WordAct::Mask)]);
    for (text, expected) in [
        ("MÉRDE alors", "***** alors"),
        ("me\u{301}rde", "*****"),
        ("mer\u{200b}de", "*****"),
        ("ｍｅｒｄｅ", "*****"),
        ("يا أَحْمَق!", "يا ****!"),
        ("احمـــق", "****"),
        ("\u{202b}احمق\u{202c}", "\u{202b}****"),
        ("الاحمقون", "الاحمقون"),
        ("işil", "işil"),
    ] {
        assert_eq!(masked(&lists, text), expected, "{text:?}");
    }
}

#[test]
fn a_star_lets_a_word_go_on() {
    let lists =
        lists(&[("darn*", WordAct::Mask), ("*ish", WordAct::Mask), ("*坏话*", WordAct::Mask), ("*", WordAct::Refuse)]);
    for (text, expected) in [
        ("darning undarning", "****ing undarning"),
        ("oldish ishes", "old*** ishes"),
        ("这是坏话啊", "这是**啊"),
        ("a * star", "a * star"),
    ] {
        assert_eq!(masked(&lists, text), expected, "{text:?}");
    }
}

#[test]
fn a_word_that_is_refused_outweighs_those_that_are_masked() {
    let lists = lists(&[("darn", WordAct::Mask), ("darn it", WordAct::Refuse), ("Über", WordAct::Refuse)]);
    assert_eq!(lists.judge("darn"), Verdict::Masked("****".into()));
    assert_eq!(lists.judge("oh, darn it"), Verdict::Refused);
    assert_eq!(lists.judge("uber"), Verdict::Refused);
    assert_eq!(lists.judge("überall"), Verdict::Clean);
}

#[test]
fn a_room_that_names_its_language_has_the_words_of_its_list_and_of_the_general_one() {
    let entries = [
        entry("ar", "darn", WordAct::Mask),
        entry("de", "darn", WordAct::Refuse),
        entry("de", "gift", WordAct::Refuse),
        entry("deu", "elf", WordAct::Refuse),
        entry(GENERAL, "spam", WordAct::Mask),
    ];
    let lists = Lists::of(&entries).expect("a filter").expect("words");
    let said = |language| ["darn", "gift", "elf", "spam"].map(|word| lists.judge_in(word, language));
    let (clean, refused, four) = (Verdict::Clean, Verdict::Refused, Verdict::Masked("****".into()));
    assert_eq!(said(Some("en")), [clean.clone(), clean.clone(), clean.clone(), four.clone()]);
    assert_eq!(said(Some("ar")), [four.clone(), clean.clone(), clean.clone(), four.clone()]);
    assert_eq!(said(Some("de")), [refused.clone(), refused.clone(), clean, four.clone()]);
    assert_eq!(said(None), [refused.clone(), refused.clone(), refused, four], "a room without a language has all");
}

#[test]
fn without_a_word_there_is_no_filter() {
    assert!(Lists::of(&[]).expect("nothing to make").is_none());
    let nothing = ["*", "**", " ", "\u{301}"].map(|word| entry(GENERAL, word, WordAct::Refuse));
    assert!(Lists::of(&nothing).expect("nothing to make").is_none());
    assert_eq!(NoWords.judge("anything"), Verdict::Clean);
}

#[test]
fn no_more_words_are_used_than_the_bound() {
    let entries = ["one", "two", "three"].map(|word| entry(GENERAL, word, WordAct::Refuse));
    let filter = filter_of(&entries, 2).expect("a filter");
    assert_eq!(["one", "two", "three"].map(|word| filter.judge(word) == Verdict::Refused), [true, true, false]);
    assert_eq!(filter_of(&[], 2).expect("a filter").judge("one"), Verdict::Clean);
}

proptest! {
    /// What was masked has no more characters than before, and what is left of it is as it was.
    #[test]
    fn a_mask_takes_away_and_adds_nothing(text in "[a-dA-D \n\u{301}\u{200b}éأ坏话*!]{0,40}") {
        let lists = lists(&[("ab", WordAct::Mask), ("c*", WordAct::Mask), ("*坏*", WordAct::Mask), ("é a", WordAct::Mask)]);
        let once = masked(&lists, &text);
        prop_assert!(once.chars().count() <= text.chars().count());
        let mut rest = text.chars();
        let mut left = once.chars().filter(|letter| *letter != '*');
        prop_assert!(left.all(|letter| rest.any(|other| other == letter)), "{once} of {text}");
    }

    /// A line of ASCII gets the same verdict whether it is looked at as it is or folded first.
    #[test]
    fn a_line_that_is_not_folded_is_judged_like_one_that_is(text in "[a-cA-C !]{0,30}") {
        let lists = lists(&[("ab", WordAct::Mask), ("b c", WordAct::Refuse), ("*ca*", WordAct::Mask), ("a*", WordAct::Refuse)]);
        // A character that nobody sees makes it be folded.
        prop_assert_eq!(lists.judge(&text), lists.judge(&format!("{text}\u{200b}")).unmarked());
    }
}

impl Verdict {
    /// The verdict without the invisible character at the end of what was masked.
    fn unmarked(self) -> Self {
        match self {
            Self::Masked(text) => Self::Masked(text.trim_end_matches('\u{200b}').to_owned()),
            other => other,
        }
    }
}
