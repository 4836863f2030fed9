//! The purposes of files and the types that each allows. Nothing here does I/O: a type is recognised by the content.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What an upload is for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = UploadPurpose)]
pub enum Purpose {
    /// A user's picture; public.
    Avatar,
    /// A room's picture; public.
    RoomLogo,
    /// The picture behind a room; public.
    RoomBackground,
    /// The picture of a line in a room's chat; public.
    RoomImage,
    /// A document that shows a payment; private, read by short-lived addresses.
    Proof,
}

/// The types of pictures, with the endings of their keys.
pub(super) const JPEG: FileType = FileType { content_type: "image/jpeg", ending: "jpg" };
pub(super) const PNG: FileType = FileType { content_type: "image/png", ending: "png" };
pub(super) const WEBP: FileType = FileType { content_type: "image/webp", ending: "webp" };
const PICTURES: [FileType; 3] = [JPEG, PNG, WEBP];
const PDF: FileType = FileType { content_type: "application/pdf", ending: "pdf" };

/// A type that some purpose allows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct FileType {
    pub content_type: &'static str,
    pub ending: &'static str,
}

impl Purpose {
    /// The purpose's name on the wire and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Avatar => "avatar",
            Self::RoomLogo => "room_logo",
            Self::RoomBackground => "room_background",
            Self::RoomImage => "room_image",
            Self::Proof => "proof",
        }
    }

    /// Every purpose.
    pub(super) const ALL: [Self; 5] =
        [Self::Avatar, Self::RoomLogo, Self::RoomBackground, Self::RoomImage, Self::Proof];

    /// The purpose of this name.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.name() == name)
    }

    /// Whether anybody may see files of this purpose.
    pub const fn is_public(self) -> bool {
        matches!(self, Self::Avatar | Self::RoomLogo | Self::RoomBackground | Self::RoomImage)
    }

    /// The pixels that the longer side of a picture is stored with at most. A proof must be readable.
    pub(super) const fn side(self) -> u32 {
        match self {
            Self::Avatar | Self::RoomLogo => 1_024,
            Self::RoomBackground | Self::RoomImage => 1_920,
            Self::Proof => 4_096,
        }
    }

    fn types(self) -> impl Iterator<Item = FileType> {
        PICTURES.into_iter().chain((self == Self::Proof).then_some(PDF))
    }

    /// The type with this content type, if the purpose allows it.
    pub(super) fn allows(self, content_type: &str) -> Option<FileType> {
        self.types().find(|allowed| allowed.content_type == content_type)
    }

    /// Every allowed content type, joined by commas, for a message.
    pub(super) fn allowed(self) -> String {
        self.types().map(|allowed| allowed.content_type).collect::<Vec<_>>().join(", ")
    }
}

impl FileType {
    /// Whether it is a picture, which is decoded and written anew.
    pub(super) fn is_picture(self) -> bool {
        self != PDF
    }
}

/// Whether these bytes are a file of this type, judged by their first bytes.
pub(super) fn is(bytes: &[u8], file_type: FileType) -> bool {
    infer::get(bytes).is_some_and(|found| found.mime_type() == file_type.content_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";

    #[test]
    fn a_files_type_is_judged_by_its_first_bytes() {
        let png = Purpose::Avatar.allows("image/png").expect("allowed");
        assert!(is(FIRST, png));
        for other in [b"<svg onload=alert(1)>".as_slice(), b"<html>", b"GIF89a\0\0", b"", b"\x89PN"] {
            assert!(!is(other, png), "{other:?}");
        }
        assert!(is(b"%PDF-1.7", Purpose::Proof.allows("application/pdf").expect("allowed")));
        assert!(is(b"RIFF\x10\0\0\0WEBPVP8 ", Purpose::Proof.allows("image/webp").expect("allowed")));
    }

    #[test]
    fn types_that_browsers_run_are_never_allowed() {
        for purpose in Purpose::ALL {
            assert_eq!(Purpose::from_name(purpose.name()), Some(purpose));
            for content_type in ["image/svg+xml", "text/html", "application/javascript", "", "IMAGE/PNG"] {
                assert_eq!(purpose.allows(content_type), None, "{content_type}");
            }
        }
        assert_eq!(Purpose::Avatar.allows("application/pdf"), None);
    }
}
