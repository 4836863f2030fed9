//! Uploads to the real program, with a folder and with an object store that speaks S3.

mod allowances;
pub mod object_store;
pub mod person;
mod pictures;
mod uploads;
