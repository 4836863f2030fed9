//! Collects every path that a file of `src/` uses: in `use` trees, code, macros and attributes, with `self` and `super`
//! resolved.

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, ItemMod, ItemUse, Macro, Path, UseTree, VisRestricted};

use super::source::Source;

/// The segments of a path; a path of this crate begins with `crate`.
pub(super) type Named = Vec<String>;

/// Every path that the file uses.
pub(super) fn named(source: &Source) -> BTreeSet<Named> {
    let file = syn::parse_file(&source.text).unwrap_or_else(|error| panic!("{}: {error}", source.place));
    let mut reader = Reader { module: module(&source.place), found: BTreeSet::new() };
    reader.visit_file(&file);
    reader.found
}

/// The module of a file: `room/state/mod.rs` and `room/state.rs` are both `room`, `state`.
fn module(place: &str) -> Named {
    let path = place.strip_suffix(".rs").unwrap_or(place);
    let path = path.strip_suffix("/mod").unwrap_or(path);
    let root = ["lib", "main"].contains(&path);
    path.split('/').filter(|_| !root).map(str::to_owned).collect()
}

struct Reader {
    /// The path of the present module below the crate.
    module: Named,
    found: BTreeSet<Named>,
}

impl Reader {
    /// Notes a path, with `self` and `super` resolved. A path of one segment uses nothing from another module.
    fn note(&mut self, path: &[String]) {
        let mut own = vec!["crate".to_owned()];
        own.extend(self.module.iter().cloned());
        let mut rest = path;
        while let [first, behind @ ..] = rest {
            match first.as_str() {
                "self" => {}
                "super" => drop(own.pop()),
                _ => break,
            }
            rest = behind;
        }
        if rest.len() < path.len() {
            own.extend(rest.iter().cloned());
            self.found.insert(own);
        } else if path.len() > 1 {
            self.found.insert(path.to_vec());
        }
    }

    fn tree(&mut self, before: &mut Named, tree: &UseTree) {
        let leaf = |name: &syn::Ident| (name != "self").then(|| name.to_string());
        match tree {
            UseTree::Path(path) => {
                before.push(path.ident.to_string());
                self.tree(before, &path.tree);
                before.pop();
            }
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.tree(before, tree)),
            UseTree::Name(name) => self.leaf(before, leaf(&name.ident)),
            UseTree::Rename(name) => self.leaf(before, leaf(&name.ident)),
            UseTree::Glob(_) => self.leaf(before, Some("*".to_owned())),
        }
    }

    fn leaf(&mut self, before: &mut Named, last: Option<String>) {
        let depth = before.len();
        before.extend(last);
        self.note(before);
        before.truncate(depth);
    }

    /// Collects the paths in the tokens of a macro, which syn does not parse.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path: Named = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(name) => {
                    if colons != 2 {
                        self.end(&mut path);
                    }
                    path.push(name.to_string());
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                TokenTree::Group(group) => {
                    // In a macro, the branches of a `use` tree are joined to its beginning.
                    if colons == 2 && group.delimiter() == Delimiter::Brace {
                        self.group(&path, group.stream());
                        path.clear();
                    } else {
                        self.end(&mut path);
                        self.tokens(group.stream());
                    }
                    colons = 0;
                }
                TokenTree::Literal(literal) => {
                    self.end(&mut path);
                    self.text(&literal.to_string());
                    colons = 0;
                }
                TokenTree::Punct(_) => {
                    self.end(&mut path);
                    colons = 0;
                }
            }
        }
        self.end(&mut path);
    }

    fn group(&mut self, before: &[String], tokens: TokenStream) {
        let parts = tokens.to_string();
        match syn::parse_str::<UseTree>(&format!("{}::{{{parts}}}", before.join("::"))) {
            Ok(tree) => self.tree(&mut Vec::new(), &tree),
            Err(_) => self.tokens(tokens),
        }
    }

    fn end(&mut self, path: &mut Named) {
        if path.len() > 1 {
            self.note(path);
        }
        path.clear();
    }

    /// Collects the path in a string, as in `#[serde(with = "crate::…")]`.
    fn text(&mut self, literal: &str) {
        let text = literal.trim_matches('"');
        if text.starts_with("crate::") {
            self.note(&text.split("::").map(str::to_owned).collect::<Vec<_>>());
        }
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        self.tree(&mut Vec::new(), &item.tree);
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        self.module.push(item.ident.to_string());
        visit::visit_item_mod(self, item);
        self.module.pop();
    }

    fn visit_path(&mut self, path: &'ast Path) {
        self.note(&path.segments.iter().map(|segment| segment.ident.to_string()).collect::<Vec<_>>());
        visit::visit_path(self, path);
    }

    /// `pub(in crate::…)` is a visibility and uses nothing.
    fn visit_vis_restricted(&mut self, _: &'ast VisRestricted) {}

    fn visit_macro(&mut self, found: &'ast Macro) {
        self.visit_path(&found.path);
        self.tokens(found.tokens.clone());
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        // A doc comment may name any path.
        if attribute.path().is_ident("doc") {
            return;
        }
        match &attribute.meta {
            syn::Meta::List(list) => {
                self.visit_path(&list.path);
                self.tokens(list.tokens.clone());
            }
            meta => self.visit_path(meta.path()),
        }
    }
}
