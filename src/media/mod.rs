//! Files that people upload: pictures that everybody sees, proofs that few may.
//!
//! A client uploads straight to the object store, by an address that is signed for one object, type and
//! size. Nothing is shown before the server has read it: then it is checked by its content and written
//! anew under a key that no client could ever write to, so that what was checked is what is shown.

mod archive;
mod flow;
mod job;
mod kind;
mod local;
mod routes;
mod service;
mod settings;
mod storage;
mod store;

pub use archive::Archive;
pub use kind::Purpose;
pub use routes::{files, routes};
pub use service::Media;
pub use settings::{S3Settings, Settings};
