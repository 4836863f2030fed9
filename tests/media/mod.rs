//! Uploads by the real program: to a folder, and to an object store that speaks S3.

mod object_store;
mod person;
mod uploads;
