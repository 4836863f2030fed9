//! Tests of the published documents, of the golden examples, and of properties that hold for every type on the wire.
//!
//! `./parlor schema` runs this binary with `PARLOR_RENEW=1`, which writes the documents again.

mod arbitrary;
mod asyncapi;
mod codes;
mod commands;
mod golden;
mod page;
mod print;
mod property;
mod schema;

use std::fs;
use std::path::Path;

/// Each document with its path in the repository.
fn documents() -> [(&'static str, String); 5] {
    let (wire, set) = (schema::wire(), golden::current());
    [
        ("protocol/schema/parlor.v1.schema.json", print::print(&wire.schema)),
        ("protocol/schema/asyncapi.v1.json", print::print(&asyncapi::document(&wire, &set))),
        ("protocol/page/socket.html", page::page(&wire, &set)),
        ("docs/errors.md", codes::page()),
        ("docs/protocol.md", commands::page()),
    ]
}

#[test]
fn no_document_is_stale() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let renew = std::env::var_os("PARLOR_RENEW").is_some();
    if renew {
        golden::add_codes();
    }
    let mut stale = Vec::new();
    for (place, text) in documents() {
        let path = root.join(place);
        if fs::read_to_string(&path).is_ok_and(|there| there == text) {
            continue;
        }
        if renew {
            fs::create_dir_all(path.parent().expect("a file in a folder")).expect("the folder can be made");
            fs::write(&path, text).expect("the document can be written");
        } else {
            stale.push(place);
        }
    }
    assert!(stale.is_empty(), "stale, renew with ./parlor schema: {stale:?}");
}

#[test]
fn the_schema_is_a_schema() {
    let schema = schema::wire().schema;
    assert!(jsonschema::meta::is_valid(&schema));
    jsonschema::validator_for(&schema).expect("every reference is found");
}
