//! The settings of uploads: where files are kept and how large they may be.

use std::path::PathBuf;

use super::Purpose;
use crate::config::Secret;
use crate::kit::usage::{Bound, DAY_MS};

crate::settings! {
    /// Uploads.
    pub struct Settings at "media", checked by Self::contradictions {
        /// The object store. Without a bucket, files lie in `folder`.
        s3: S3Settings;
        /// A folder in which files are kept if there is no object store, and from which this server serves them; for a
        /// single node. With neither, uploads are refused with `feature_off`.
        folder: Option<PathBuf> = None, shown "none; in `dev` a folder of the store";
        /// The address before the key of a public file, as `https://cdn.example`.
        public_url: Option<String> = None, shown "the bucket's own address";
        /// Bytes of an avatar at most.
        avatar_bytes: u32 = 2 << 20, in 1_024..=100 << 20;
        /// Bytes of a room's logo at most.
        logo_bytes: u32 = 2 << 20, in 1_024..=100 << 20;
        /// Bytes of a room's background at most.
        background_bytes: u32 = 4 << 20, in 1_024..=100 << 20;
        /// Bytes of the image of a chat line at most.
        image_bytes: u32 = 4 << 20, in 1_024..=100 << 20;
        /// Bytes of a proof at most.
        proof_bytes: u32 = 10 << 20, in 1_024..=100 << 20;
        /// Minutes for which the address to upload to holds.
        upload_minutes: u32 = 15, in 1..=1_440;
        /// Minutes for which the address of a private file holds.
        address_minutes: u32 = 5, in 1..=1_440;
        /// Uploads a minute that one user may begin or complete.
        uploads_per_minute_user: u32 = 20, in 1..=10_000;
        /// Pixels of a picture at most; more are refused. A photo of a phone has 12 million.
        picture_pixels: u32 = 16 << 20, in 65_536..=100_000_000;
        /// Bytes of memory in which pictures are decoded, all together; one that needs more is refused, and others wait
        /// for their share. A quarter of the memory that the process may use, if that is less.
        picture_memory_bytes: u64 = 192 << 20, in 8 << 20..=4 << 30;
        /// Uploads that one user may begin in a day.
        uploads_per_day_user: u32 = 50, in 1..=10_000;
        /// Bytes of all uploads together that one user may begin in a day. At least those of the largest file.
        upload_bytes_per_day_user: i64 = 200 << 20, in 1_024..=1 << 50;
        /// Uploads whose content is checked at the same time; each takes as much memory as the file is large.
        checks: usize = 4, in 1..=1_000;
        /// Days after which a proof that was completed and that nothing shows is removed.
        proof_days: u32 = 30, in 1..=3_650;
        /// Hours after which any other file that nothing shows is removed.
        orphan_hours: u32 = 24, in 1..=8_760;
    }
}

crate::settings! {
    /// An S3-compatible object store (DigitalOcean Spaces, MinIO, AWS).
    pub struct S3Settings at "media.s3", checked by Self::contradictions {
        /// The address of an S3-compatible object store (DigitalOcean Spaces, MinIO, AWS), as
        /// `https://fra1.digitaloceanspaces.com`.
        endpoint: Option<String> = None;
        /// The bucket of the object store; naming one turns the object store on.
        bucket: Option<String> = None;
        /// The bucket's region.
        region: Option<String> = None, shown "`us-east-1`";
        /// The id of the access key for the object store.
        access_key: Option<Secret> = None;
        /// The secret of the access key for the object store.
        secret_key: Option<Secret> = None;
        /// Whether the bucket's name is part of the path and not of the host's name.
        path_style: bool = false;
        /// Whether public files are written with `x-amz-acl: public-read`, for stores where no policy makes the
        /// bucket's `public/` readable (Spaces).
        public_acl: bool = false;
    }
}

impl Settings {
    /// The most bytes that a file of this purpose may have.
    pub(super) const fn bytes_of(&self, purpose: Purpose) -> u32 {
        match purpose {
            Purpose::Avatar => self.avatar_bytes,
            Purpose::RoomLogo => self.logo_bytes,
            Purpose::RoomBackground => self.background_bytes,
            Purpose::RoomImage => self.image_bytes,
            Purpose::Proof => self.proof_bytes,
        }
    }

    /// The settings for a process that may use this much memory; `None` if that is unknown.
    #[must_use]
    pub fn within(mut self, memory: Option<u64>) -> Self {
        self.picture_memory_bytes =
            memory.map_or(self.picture_memory_bytes, |most| self.picture_memory_bytes.min((most / 4).max(8 << 20)));
        self
    }

    /// What one user may upload.
    pub(super) const fn allowance(&self) -> [Bound; 1] {
        let (times, amount) = (self.uploads_per_day_user, self.upload_bytes_per_day_user);
        [Bound { times, amount, within_ms: DAY_MS }]
    }

    fn contradictions(&self, problems: &mut Vec<String>) {
        let largest = Purpose::ALL.into_iter().map(|purpose| self.bytes_of(purpose)).max().unwrap_or(0);
        if self.upload_bytes_per_day_user < i64::from(largest) {
            problems.push("media.upload_bytes_per_day_user: at least the bytes of the largest file".to_owned());
        }
        if let Some(url) = &self.public_url
            && !(url.starts_with("https://") || url.starts_with("http://"))
        {
            problems.push("media.public_url: write it as https://cdn.example".to_owned());
        }
    }
}

impl S3Settings {
    fn contradictions(&self, problems: &mut Vec<String>) {
        let Some(bucket) = &self.bucket else { return };
        let missing = [
            ("endpoint", self.endpoint.is_none()),
            ("access_key", self.access_key.is_none()),
            ("secret_key", self.secret_key.is_none()),
        ];
        for (name, _) in missing.into_iter().filter(|(_, is_missing)| *is_missing) {
            problems.push(format!("media.s3.{name}: is missing, and media.s3.bucket is set"));
        }
        if let Some(endpoint) = &self.endpoint
            && let Err(why) = super::storage::s3::bucket(endpoint, bucket, self)
        {
            problems.push(format!("media.s3.endpoint: {why}; write it as https://fra1.digitaloceanspaces.com"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_without_its_keys_is_named() {
        assert_eq!(Settings::default().problems(), Vec::<String>::new());
        let s3 = S3Settings { bucket: Some("parlor".to_owned()), ..S3Settings::default() };
        let problems = Settings { s3, ..Settings::default() }.problems().join("\n");
        for name in ["media.s3.endpoint", "media.s3.access_key", "media.s3.secret_key"] {
            assert!(problems.contains(name), "{problems}");
        }
    }

    #[test]
    fn settings_that_cannot_work_are_named() {
        let s3 = S3Settings {
            bucket: Some("parlor".to_owned()),
            endpoint: Some("ftp://example.com".to_owned()),
            access_key: Some("id".to_owned().into()),
            secret_key: Some("key".to_owned().into()),
            ..S3Settings::default()
        };
        let settings = Settings { s3, checks: 0, public_url: Some("cdn".to_owned()), ..Settings::default() };
        let problems = settings.problems().join("\n");
        for name in ["media.s3.endpoint", "media.checks", "media.public_url"] {
            assert!(problems.contains(name), "{problems}");
        }
    }
}
