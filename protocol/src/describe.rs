//! What the published documents and the golden examples need to know about the commands. It exists only with the
//! feature `schemars`, which the server does not use.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A type of command, as the documents describe it.
#[derive(Clone, Copy, Debug)]
pub struct CommandType {
    /// Its type on the wire.
    pub name: &'static str,
    /// Whether it must name an operation.
    pub needs_op: bool,
    /// Its docstring, as it was written.
    pub doc: &'static str,
    /// The schema of its data.
    pub data: fn(&mut SchemaGenerator) -> Schema,
    /// The schema of its reply's data.
    pub reply: fn(&mut SchemaGenerator) -> Schema,
    /// Reads its reply's data and writes it again.
    pub rewrite_reply: fn(&str) -> serde_json::Result<String>,
}

impl CommandType {
    /// The description of one line of `commands!`.
    pub const fn of<D: JsonSchema, R: JsonSchema + Serialize + DeserializeOwned>(
        name: &'static str,
        needs_op: bool,
        doc: &'static str,
    ) -> Self {
        Self {
            name,
            needs_op,
            doc,
            data: SchemaGenerator::subschema_for::<D>,
            reply: SchemaGenerator::subschema_for::<R>,
            rewrite_reply: rewrite::<R>,
        }
    }
}

fn rewrite<T: Serialize + DeserializeOwned>(text: &str) -> serde_json::Result<String> {
    serde_json::to_string(&serde_json::from_str::<T>(text)?)
}
