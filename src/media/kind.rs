//! What files are for, and what they may be. Pure: the type is read off the content.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What an upload is for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = UploadPurpose)]
pub enum Purpose {
    /// A user's picture. Public.
    Avatar,
    /// A room's picture. Public.
    RoomLogo,
    /// Shows that something was paid. Private: read by short-lived addresses.
    Proof,
}

/// The types of pictures, with the endings of their keys.
const PICTURES: [FileType; 3] = [
    FileType { content_type: "image/jpeg", ending: "jpg" },
    FileType { content_type: "image/png", ending: "png" },
    FileType { content_type: "image/webp", ending: "webp" },
];
const PDF: FileType = FileType { content_type: "application/pdf", ending: "pdf" };

/// A type that some purpose allows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct FileType {
    pub content_type: &'static str,
    pub ending: &'static str,
}

impl Purpose {
    /// As it stands on the wire and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Avatar => "avatar",
            Self::RoomLogo => "room_logo",
            Self::Proof => "proof",
        }
    }

    /// The purpose of this name.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        [Self::Avatar, Self::RoomLogo, Self::Proof].into_iter().find(|purpose| purpose.name() == name)
    }

    /// Anybody may see the files.
    pub const fn is_public(self) -> bool {
        matches!(self, Self::Avatar | Self::RoomLogo)
    }

    fn types(self) -> impl Iterator<Item = FileType> {
        PICTURES.into_iter().chain((self == Self::Proof).then_some(PDF))
    }

    /// The allowed type of this name.
    pub(super) fn allows(self, content_type: &str) -> Option<FileType> {
        self.types().find(|allowed| allowed.content_type == content_type)
    }

    /// Every allowed type, for people.
    pub(super) fn allowed(self) -> String {
        self.types().map(|allowed| allowed.content_type).collect::<Vec<_>>().join(", ")
    }
}

/// Whether these bytes are a file of this type, by what they begin with.
pub(super) fn is(bytes: &[u8], file_type: FileType) -> bool {
    infer::get(bytes).is_some_and(|found| found.mime_type() == file_type.content_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";

    #[test]
    fn a_file_is_what_it_begins_with_and_not_what_it_is_called() {
        let png = Purpose::Avatar.allows("image/png").expect("allowed");
        assert!(is(PNG, png));
        for other in [b"<svg onload=alert(1)>".as_slice(), b"<html>", b"GIF89a\0\0", b"", b"\x89PN"] {
            assert!(!is(other, png), "{other:?}");
        }
        assert!(is(b"%PDF-1.7", Purpose::Proof.allows("application/pdf").expect("allowed")));
        assert!(is(b"RIFF\x10\0\0\0WEBPVP8 ", Purpose::Proof.allows("image/webp").expect("allowed")));
    }

    #[test]
    fn what_browsers_would_run_is_never_allowed() {
        for purpose in [Purpose::Avatar, Purpose::RoomLogo, Purpose::Proof] {
            assert_eq!(Purpose::from_name(purpose.name()), Some(purpose));
            for content_type in ["image/svg+xml", "text/html", "application/javascript", "", "IMAGE/PNG"] {
                assert_eq!(purpose.allows(content_type), None, "{content_type}");
            }
        }
        assert_eq!(Purpose::Avatar.allows("application/pdf"), None);
    }
}
