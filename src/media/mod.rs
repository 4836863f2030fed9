//! Files that people upload: pictures, which everybody may see, and proofs of payment, which are private.
//!
//! A client uploads straight to the object store, by an address that is signed for one object, type and size. The
//! server then reads the file, checks its content and writes it again under a key that no client can write to: a picture
//! as decoded and encoded anew, without its metadata. Only that copy is shown, so what is shown is what was checked.

mod archive;
mod flow;
mod job;
mod kind;
mod local;
mod picture;
mod routes;
mod service;
mod settings;
mod storage;
mod store;

pub use archive::{Archive, writable};
pub use kind::Purpose;
pub use routes::{files, routes};
pub use service::Media;
pub use settings::{S3Settings, Settings};
