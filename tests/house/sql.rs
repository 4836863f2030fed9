//! Finds the tables that a statement writes and those that it reads, as far as its text shows. A name that no migration
//! creates is reported separately, so that nothing is silently ignored.

use std::collections::BTreeSet;

use syn::LitStr;
use syn::visit::{self, Visit};

use super::source::Source;

/// The tables of one statement.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Tables {
    /// Inserted into, updated, deleted from, truncated, or locked for writing.
    pub written: BTreeSet<String>,
    /// Selected from, joined, or locked for reading.
    pub read: BTreeSet<String>,
}

/// The statements of a store: every string in its code that begins as one.
pub(super) fn statements(source: &Source) -> Vec<String> {
    struct Strings(Vec<String>);
    impl<'ast> Visit<'ast> for Strings {
        fn visit_lit_str(&mut self, text: &'ast LitStr) {
            self.0.push(text.value());
        }
        fn visit_attribute(&mut self, _: &'ast syn::Attribute) {}
        fn visit_macro(&mut self, found: &'ast syn::Macro) {
            strings(found.tokens.clone(), &mut self.0);
            visit::visit_macro(self, found);
        }
    }
    let file = syn::parse_file(&source.text).unwrap_or_else(|error| panic!("{}: {error}", source.place));
    let mut found = Strings(Vec::new());
    found.visit_file(&file);
    found.0.retain(|text| is_statement(text));
    found.0
}

/// The strings among the tokens of a macro; strings that are separated by commas or by `+` remain separate.
fn strings(tokens: proc_macro2::TokenStream, found: &mut Vec<String>) {
    for token in tokens {
        match token {
            proc_macro2::TokenTree::Literal(literal) => {
                if let Ok(text) = syn::parse_str::<LitStr>(&literal.to_string()) {
                    found.push(text.value());
                }
            }
            proc_macro2::TokenTree::Group(group) => strings(group.stream(), found),
            _ => {}
        }
    }
}

/// Whether the text begins like a statement of SQL.
pub(super) fn is_statement(text: &str) -> bool {
    const VERBS: [&str; 14] = [
        "select", "insert", "update", "delete", "with", "lock", "truncate", "merge", "copy", "alter", "create", "drop",
        "grant", "revoke",
    ];
    let words = words(text);
    matches!(words.as_slice(), [Word::Name(first), _, ..] if VERBS.contains(&first.as_str()))
}

/// The tables that a statement reads and writes.
pub(super) fn tables(statement: &str) -> Tables {
    let words = words(statement);
    let mut names = BTreeSet::new();
    common_names(&words, &mut names);
    let mut tables = Tables::default();
    level(&words, &mut tables);
    tables.written.retain(|table| !names.contains(table));
    tables.read.retain(|table| !names.contains(table));
    tables
}

/// The tables and views that a migration creates.
pub(super) fn made(migration: &str) -> BTreeSet<String> {
    let words = words(migration);
    let mut made = BTreeSet::new();
    for (at, word) in words.iter().enumerate() {
        if !word.is("create") {
            continue;
        }
        let mut rest = words[at + 1..].iter().skip_while(|word| {
            ["or", "replace", "unlogged", "temporary", "materialized"].iter().any(|skipped| word.is(skipped))
        });
        if rest.next().is_some_and(|word| word.is("table") || word.is("view")) {
            let mut rest = rest.skip_while(|word| ["if", "not", "exists"].iter().any(|skipped| word.is(skipped)));
            made.extend(rest.next().and_then(Word::name).map(str::to_owned));
        }
    }
    made
}

/// A token of SQL.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Word {
    /// A name or keyword, in lower case.
    Name(String),
    /// The tokens in a pair of parentheses.
    Group(Vec<Word>),
    /// A sign, as `,`.
    Sign(char),
}

impl Word {
    fn is(&self, name: &str) -> bool {
        matches!(self, Self::Name(own) if own == name)
    }

    fn name(&self) -> Option<&str> {
        match self {
            Self::Name(name) => Some(name),
            _ => None,
        }
    }
}

/// The tokens of a text, without comments, strings and numbers.
fn words(text: &str) -> Vec<Word> {
    let mut stack = vec![Vec::new()];
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '-' if chars.peek() == Some(&'-') => {
                chars.by_ref().find(|char| *char == '\n');
            }
            '\'' => {
                chars.by_ref().find(|char| *char == '\'');
            }
            '"' => {
                let quoted: String = chars.by_ref().take_while(|char| *char != '"').collect();
                stack.last_mut().expect("the outermost level stays").push(Word::Name(quoted));
            }
            '(' => stack.push(Vec::new()),
            ')' if stack.len() > 1 => {
                let group = stack.pop().expect("it is not the outermost");
                stack.last_mut().expect("the outermost level stays").push(Word::Group(group));
            }
            _ if char.is_alphabetic() || char == '_' => {
                let mut name = char.to_lowercase().to_string();
                while let Some(next) = chars.next_if(|next| next.is_alphanumeric() || ['_', '.'].contains(next)) {
                    name.extend(next.to_lowercase());
                }
                stack.last_mut().expect("the outermost level stays").push(Word::Name(name));
            }
            _ if char.is_whitespace() || char.is_numeric() => {}
            _ => stack.last_mut().expect("the outermost level stays").push(Word::Sign(char)),
        }
    }
    while stack.len() > 1 {
        let group = stack.pop().expect("it is not the outermost");
        stack.last_mut().expect("the outermost level stays").push(Word::Group(group));
    }
    stack.pop().expect("the outermost level stays")
}

/// The names that `with x as (…)` defines.
fn common_names(words: &[Word], names: &mut BTreeSet<String>) {
    for (at, word) in words.iter().enumerate() {
        if let Word::Group(group) = word {
            common_names(group, names);
        }
        let Some(name) = word.name() else { continue };
        let mut behind = words[at + 1..].iter().peekable();
        behind.next_if(|word| matches!(word, Word::Group(_)));
        if !behind.next().is_some_and(|word| word.is("as")) {
            continue;
        }
        behind.next_if(|word| word.is("not"));
        behind.next_if(|word| word.is("materialized"));
        if let Some(Word::Group(group)) = behind.next()
            && group.first().and_then(Word::name).is_some_and(|first| {
                ["select", "insert", "update", "delete", "values", "with", "merge"].contains(&first)
            })
        {
            names.insert(name.to_owned());
        }
    }
}

/// Reads one level of parentheses and the levels inside it.
fn level(words: &[Word], tables: &mut Tables) {
    let mut at = 0;
    // The tables in this level's `from`, each with its names here.
    let mut from: Vec<(String, String)> = Vec::new();
    let has = |verb: &str| words.iter().any(|word| word.is(verb));
    let is_query = has("select") || has("update") || has("delete") || has("merge");
    while at < words.len() {
        let word = |ahead: usize| words.get(at + ahead);
        let is = |ahead: usize, name: &str| word(ahead).is_some_and(|word| word.is(name));
        let before = |name: &str| at > 0 && words[at - 1].is(name);
        if let Word::Group(group) = &words[at] {
            level(group, tables);
        } else if is(0, "insert") && is(1, "into")
            || is(0, "merge") && is(1, "into")
            || is(0, "delete") && is(1, "from")
        {
            tables.written.extend(word(2).and_then(Word::name).map(str::to_owned));
            at += 2;
        } else if at == 0 && (is(0, "truncate") || is(0, "lock") || is(0, "copy")) {
            let table = words[at + 1..].iter().find(|word| !word.is("table") && !word.is("only"));
            tables.written.extend(table.and_then(Word::name).map(str::to_owned));
        } else if is(0, "update") && !before("do") && !before("for") && !before("key") && !before("on") {
            tables.written.extend(word(1).and_then(Word::name).map(str::to_owned));
            at += 1;
        } else if is(0, "for") && (is(1, "update") || is(1, "no") && is(2, "key") && is(3, "update")) {
            let behind = &words[at + if is(1, "update") { 2 } else { 4 }..];
            let of: Vec<&str> = match behind {
                [of, behind @ ..] if of.is("of") => {
                    let listed = behind.iter().take_while(|word| !word.is("skip") && !word.is("nowait"));
                    listed.filter_map(Word::name).collect()
                }
                _ => Vec::new(),
            };
            let locked = from.iter().filter(|(_, alias)| of.is_empty() || of.contains(&alias.as_str()));
            tables.written.extend(locked.map(|(table, _)| table.clone()));
            at += if is(1, "update") { 1 } else { 3 };
        } else if is_query && (is(0, "from") && !before("distinct") || is(0, "join") || is(0, "using")) {
            at = sources(words, at + 1, &mut from, tables);
            continue;
        }
        at += 1;
    }
    tables.read.extend(from.into_iter().map(|(table, _)| table));
}

/// Reads the tables after `from` or `join`, separated by commas. Returns the index after them.
fn sources(words: &[Word], mut at: usize, from: &mut Vec<(String, String)>, tables: &mut Tables) -> usize {
    const ENDS: [&str; 26] = [
        "where",
        "join",
        "left",
        "right",
        "full",
        "inner",
        "cross",
        "natural",
        "on",
        "using",
        "group",
        "order",
        "limit",
        "for",
        "returning",
        "union",
        "having",
        "set",
        "window",
        "offset",
        "fetch",
        "intersect",
        "except",
        "when",
        "with",
        "tablesample",
    ];
    loop {
        while words.get(at).is_some_and(|word| word.is("lateral") || word.is("only")) {
            at += 1;
        }
        let mut table = None;
        match words.get(at) {
            Some(Word::Name(name)) if ENDS.contains(&name.as_str()) => return at,
            // The rows of a function come from no table.
            Some(Word::Name(name)) => match words.get(at + 1) {
                Some(Word::Group(group)) => {
                    level(group, tables);
                    at += 2;
                }
                _ => {
                    table = Some(name.clone());
                    at += 1;
                }
            },
            Some(Word::Group(group)) => {
                level(group, tables);
                at += 1;
            }
            _ => return at,
        }
        let mut alias = table.clone();
        while let Some(Word::Name(name)) = words.get(at).filter(|word| !word.name().is_some_and(|n| ENDS.contains(&n)))
        {
            if !["as", "ordinality"].contains(&name.as_str()) {
                alias = Some(name.clone());
            }
            at += 1;
        }
        // `with ordinality as row (a, b)` gives the names of columns.
        if words.get(at).is_some_and(|word| word.is("with"))
            && words.get(at + 1).is_some_and(|word| word.is("ordinality"))
        {
            at += 2;
            while words.get(at).and_then(Word::name).is_some_and(|name| !ENDS.contains(&name)) {
                at += 1;
            }
        }
        if matches!(words.get(at), Some(Word::Group(_))) {
            at += 1;
        }
        if let (Some(table), Some(alias)) = (table, alias) {
            from.push((table, alias));
        }
        match words.get(at) {
            Some(Word::Sign(',')) => at += 1,
            _ => return at,
        }
    }
}
