//! Where files lie and how large they may be.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Purpose;
use crate::config::Secret;

/// Uploads.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The object store. Without a bucket, files lie in `folder`.
    pub s3: S3Settings,
    /// A folder for files, served by this server; for one node. Default: in `dev` a folder of the store,
    /// in `serve` none, and uploads are refused with `feature_off`.
    pub folder: Option<PathBuf>,
    /// Where public files are read, as `https://cdn.example`: what stands before an object's key. Default:
    /// the bucket's own address.
    pub public_url: Option<String>,
    /// Bytes of an avatar at most. Default 2 MiB.
    pub avatar_bytes: u32,
    /// Bytes of a room's logo at most. Default 2 MiB.
    pub logo_bytes: u32,
    /// Bytes of a proof at most. Default 10 MiB.
    pub proof_bytes: u32,
    /// Minutes for which the address to upload to holds. Default 15.
    pub upload_minutes: u32,
    /// Minutes for which the address of a private file holds. Default 5.
    pub address_minutes: u32,
    /// Uploads a minute that one user may begin or complete. Default 20.
    pub uploads_per_minute_user: u32,
    /// Uploads whose content is checked at once; each takes its size of memory. Default 4.
    pub checks: usize,
    /// Hours after which a file that nothing shows is removed. Default 24.
    pub orphan_hours: u32,
}

/// An S3-compatible object store (DigitalOcean Spaces, MinIO, AWS).
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct S3Settings {
    /// As `https://fra1.digitaloceanspaces.com`. No default.
    pub endpoint: Option<String>,
    /// The bucket's name; naming one turns the object store on. No default.
    pub bucket: Option<String>,
    /// Its region. Default `us-east-1`.
    pub region: Option<String>,
    /// The key's id. No default.
    pub access_key: Option<Secret>,
    /// The key. No default.
    pub secret_key: Option<Secret>,
    /// The bucket stands in the path and not in the host's name. Default false.
    pub path_style: bool,
    /// Public files are written with `x-amz-acl: public-read`, for stores without a policy on the bucket's
    /// `public/` (Spaces). Default false.
    pub public_acl: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            s3: S3Settings::default(),
            folder: None,
            public_url: None,
            avatar_bytes: 2 << 20,
            logo_bytes: 2 << 20,
            proof_bytes: 10 << 20,
            upload_minutes: 15,
            address_minutes: 5,
            uploads_per_minute_user: 20,
            checks: 4,
            orphan_hours: 24,
        }
    }
}

impl Settings {
    /// Bytes of a file for this purpose at most.
    pub(super) const fn bytes_of(&self, purpose: Purpose) -> u32 {
        match purpose {
            Purpose::Avatar => self.avatar_bytes,
            Purpose::RoomLogo => self.logo_bytes,
            Purpose::Proof => self.proof_bytes,
        }
    }

    /// Every value that cannot work, by its name.
    pub fn problems(&self) -> Vec<String> {
        let ranges: [(&str, u64, u64, u64); 8] = [
            ("avatar_bytes", self.avatar_bytes.into(), 1_024, 100 << 20),
            ("logo_bytes", self.logo_bytes.into(), 1_024, 100 << 20),
            ("proof_bytes", self.proof_bytes.into(), 1_024, 100 << 20),
            ("upload_minutes", self.upload_minutes.into(), 1, 1_440),
            ("address_minutes", self.address_minutes.into(), 1, 1_440),
            ("uploads_per_minute_user", self.uploads_per_minute_user.into(), 1, 10_000),
            ("checks", self.checks as u64, 1, 1_000),
            ("orphan_hours", self.orphan_hours.into(), 1, 8_760),
        ];
        let outside = ranges.into_iter().filter(|(_, value, low, high)| !(low..=high).contains(&value));
        let mut problems: Vec<_> = outside
            .map(|(name, value, low, high)| format!("media.{name}: {value} is not between {low} and {high}"))
            .collect();
        problems.extend(self.s3.problems());
        if let Some(url) = &self.public_url
            && !(url.starts_with("https://") || url.starts_with("http://"))
        {
            problems.push("media.public_url: write it as https://cdn.example".to_owned());
        }
        problems
    }
}

impl S3Settings {
    fn problems(&self) -> Vec<String> {
        if self.bucket.is_none() {
            return Vec::new();
        }
        let missing = [
            ("endpoint", self.endpoint.is_none()),
            ("access_key", self.access_key.is_none()),
            ("secret_key", self.secret_key.is_none()),
        ];
        let mut problems: Vec<_> = missing
            .into_iter()
            .filter(|(_, is_missing)| *is_missing)
            .map(|(name, _)| format!("media.s3.{name}: is missing, and media.s3.bucket is set"))
            .collect();
        if let (Some(endpoint), Some(bucket)) = (&self.endpoint, &self.bucket)
            && let Err(why) = super::storage::s3::bucket(endpoint, bucket, self)
        {
            problems.push(format!("media.s3.endpoint: {why}; write it as https://fra1.digitaloceanspaces.com"));
        }
        problems
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
    fn what_cannot_work_is_named() {
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
