//! The rules of uploads, from the announcement to the avatar or logo that shows the file. The caller opens and commits
//! the transaction.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use parlor_protocol::{ErrorBody, ErrorCode, RoomId, UserId};
use sqlx::PgConnection;
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::storage::folder::Folder;
use super::storage::s3::S3;
use super::storage::{PutAddress, Storage};
use super::{Purpose, Settings, store};
use crate::kit::chance::Chance;
use crate::kit::clock::Timestamp;
use crate::kit::edge::Edge;
use crate::kit::error::{Error, Result};
use crate::kit::limit::Limit;
use crate::kit::supervise::{Crew, Supervisor};
use crate::kit::tx::Tx;
use crate::kit::usage;

/// The most files that are removed in one transaction.
pub(super) const CLEAN_UP_BATCH: i64 = 50;

/// The state of an upload.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum State {
    /// The content has not been checked yet.
    Pending,
    /// The content is what was announced.
    Ready,
    /// The content is not what was announced.
    Refused,
}

impl State {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Ready => "ready",
            Self::Refused => "refused",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        [Self::Pending, Self::Ready, Self::Refused].into_iter().find(|state| state.name() == name)
    }
}

/// An announced upload, with the address to send the file to.
pub(super) struct Begun {
    pub id: Uuid,
    pub put: PutAddress,
    pub expires_at: Timestamp,
}

/// An upload as its owner sees it.
pub(super) struct Upload {
    pub id: Uuid,
    pub purpose: Purpose,
    pub state: State,
    pub content_type: String,
    pub bytes: i32,
    /// The address where a ready file is read, and its end; the address of a public file has no end.
    pub address: Option<(String, Option<Timestamp>)>,
}

/// The service for files that people upload. It is cheap to clone and is part of the routes' state.
#[derive(Clone)]
pub struct Media(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) settings: Settings,
    storage: Option<Storage>,
    uploads: Limit<UserId>,
    pub(super) checks: Semaphore,
    /// A permit is a MiB of the memory in which pictures are decoded.
    pub(super) decoding: Semaphore,
    pub(super) crew: Crew,
}

impl Media {
    /// Starts the service. Files are kept in the object store of the settings, else in the folder of the settings, else
    /// in `folder`. If there is none of these, uploads are refused. The periodic job is in [`Media::kinds`].
    ///
    /// # Errors
    /// `internal` if the folder cannot be made.
    pub fn start(edge: &Edge, settings: &Settings, folder: Option<PathBuf>, supervisor: &Supervisor) -> Result<Self> {
        let storage = match (S3::of(settings)?, settings.folder.clone().or(folder)) {
            (Some(s3), _) => Some(Storage::S3(s3)),
            (None, Some(folder)) => {
                Some(Storage::Folder(Folder::open(&folder, edge.chance().clone()).map_err(Error::internal)?))
            }
            (None, None) => None,
        };
        Ok(Self(Arc::new(Inner {
            settings: settings.clone(),
            storage,
            uploads: Limit::per_minute(settings.uploads_per_minute_user),
            checks: Semaphore::new(settings.checks),
            decoding: Semaphore::new(mebibytes(settings.picture_memory_bytes)),
            crew: supervisor.crew().clone(),
        })))
    }

    /// The folder whose files this server serves, if there is no object store.
    pub(super) fn folder(&self) -> Option<&Folder> {
        match &self.0.storage {
            Some(Storage::Folder(folder)) => Some(folder),
            _ => None,
        }
    }

    /// The largest size that any purpose allows, in bytes.
    pub(super) fn largest(&self) -> usize {
        Purpose::ALL.into_iter().map(|purpose| self.0.settings.bytes_of(purpose) as usize).max().unwrap_or(0)
    }

    /// Whether there is an object store or a folder for files.
    pub(super) fn has_storage(&self) -> bool {
        self.0.storage.is_some()
    }

    pub(super) fn storage(&self) -> Result<&Storage> {
        self.0.storage.as_ref().ok_or_else(|| {
            ErrorBody::new(ErrorCode::FeatureOff).message("this server has no place for files (`media.s3`)").into()
        })
    }

    /// Counts an upload of this user; `rate_limited` if there were too many.
    pub(super) fn admit(&self, user: UserId) -> Result<()> {
        self.0.uploads.check(&user)
    }

    /// Checks whether a file of this type and size may be announced for this purpose.
    pub(super) fn check_announced(&self, purpose: Purpose, content_type: &str, bytes: u32) -> Result<()> {
        self.storage()?;
        let mut fields = crate::kit::fields::Fields::default();
        if purpose.allows(content_type).is_none() {
            fields.refuse("content_type", format!("one of {}", purpose.allowed()));
        }
        let limit = self.0.settings.bytes_of(purpose);
        if !(1..=limit).contains(&bytes) {
            fields.refuse("bytes", format!("1 to {limit}"));
        }
        if fields.is_empty() { Ok(()) } else { Err(fields.into_error()) }
    }

    /// Stores the announcement of a file, and gives the address to send it to. The address holds for a while, for this
    /// type and size only. `rate_limited` if the user has begun too many, or too large ones, in the last day.
    pub(super) async fn begin(
        &self,
        tx: &mut Tx,
        user: UserId,
        (purpose, content_type, bytes): (Purpose, &str, u32),
        (now, chance): (Timestamp, &Chance),
    ) -> Result<Begun> {
        let storage = self.storage()?;
        let key = user.number().to_be_bytes();
        usage::spend(tx, "upload", &key, i64::from(bytes), &self.0.settings.allowance()).await?;
        let id = chance.id();
        let size = i32::try_from(bytes).map_err(Error::internal)?;
        store::insert(tx, id, user, purpose, content_type, size).await?;
        let holds = minutes(self.0.settings.upload_minutes);
        let put = storage.put_address(&incoming(id), content_type, bytes, holds, now);
        Ok(Begun { id, put, expires_at: now.plus_ms(holds.as_millis() as i64) })
    }

    /// Stores the result of a check: the key of the object, or that the file is refused (`None`). `true` with the
    /// stored row if this call stored it. If another check was faster, its result stays and is given with `false`.
    pub(super) async fn settle(
        &self,
        tx: &mut Tx,
        row: store::Row,
        object: Option<String>,
    ) -> Result<(store::Row, bool)> {
        let state = if object.is_some() { State::Ready } else { State::Refused };
        if store::settle(tx, row.id, state, object.as_deref()).await? {
            return Ok((store::Row { state, object, ..row }, true));
        }
        let first = store::upload(tx, row.id).await?.ok_or_else(|| Error::new(ErrorCode::NotFound))?;
        Ok((first, false))
    }

    /// One of the user's own uploads, with the address to read it by.
    pub(super) async fn find(&self, conn: &mut PgConnection, user: UserId, id: Uuid, now: Timestamp) -> Result<Upload> {
        self.storage()?;
        Ok(self.shown(self.own(conn, user, id).await?, now))
    }

    /// The row of the user's own upload; `not_found` for another user's, as for one that does not exist.
    pub(super) async fn own(&self, conn: &mut PgConnection, user: UserId, id: Uuid) -> Result<store::Row> {
        let row = store::upload(conn, id).await?;
        row.filter(|row| row.user == user.number()).ok_or_else(|| Error::new(ErrorCode::NotFound))
    }

    pub(super) fn shown(&self, row: store::Row, now: Timestamp) -> Upload {
        let store::Row { id, purpose, state, content_type, bytes, object, .. } = row;
        let address = object.zip(self.0.storage.as_ref()).map(|(key, storage)| {
            if purpose.is_public() {
                return (storage.public_address(&key), None);
            }
            let holds = minutes(self.0.settings.address_minutes);
            (storage.get_address(&key, holds, now), Some(now.plus_ms(holds.as_millis() as i64)))
        });
        Upload { id, purpose, state, content_type, bytes, address }
    }

    /// Makes this upload the user's avatar, and gives its address.
    pub(super) async fn wear_avatar(&self, tx: &mut Tx, user: UserId, upload: Uuid) -> Result<String> {
        let key = self.take(tx, user, upload, Purpose::Avatar).await?;
        if let Some(former) = store::locked_avatar(tx, user).await?.filter(|former| *former != upload) {
            store::set_attached(tx, former, false).await?;
        }
        store::put_avatar(tx, user, upload).await?;
        Ok(self.storage()?.public_address(&key))
    }

    /// Removes the user's avatar.
    pub(super) async fn drop_avatar(&self, tx: &mut Tx, user: UserId) -> Result<()> {
        if let Some(former) = store::locked_avatar(tx, user).await? {
            store::delete_avatar(tx, user).await?;
            store::set_attached(tx, former, false).await?;
        }
        Ok(())
    }

    /// The address of the user's avatar.
    pub(super) async fn avatar(&self, conn: &mut PgConnection, user: UserId) -> Result<Option<String>> {
        let key = store::avatar(conn, user).await?;
        Ok(key.zip(self.0.storage.as_ref()).map(|(key, storage)| storage.public_address(&key)))
    }

    /// Makes this upload of the user the logo of their room, and gives its address. The caller has checked that the
    /// room is the user's.
    pub(super) async fn hang_logo(&self, tx: &mut Tx, user: UserId, room: RoomId, upload: Uuid) -> Result<String> {
        let key = self.take(tx, user, upload, Purpose::RoomLogo).await?;
        if let Some(former) = store::locked_logo(tx, room).await?.filter(|former| *former != upload) {
            store::set_attached(tx, former, false).await?;
        }
        store::put_logo(tx, room, upload).await?;
        Ok(self.storage()?.public_address(&key))
    }

    /// Removes the room's logo.
    pub(super) async fn drop_logo(&self, tx: &mut Tx, room: RoomId) -> Result<()> {
        if let Some(former) = store::locked_logo(tx, room).await? {
            store::delete_logo(tx, room).await?;
            store::set_attached(tx, former, false).await?;
        }
        Ok(())
    }

    /// The address of the room's logo.
    pub(super) async fn logo(&self, conn: &mut PgConnection, room: RoomId) -> Result<Option<String>> {
        let key = store::logo(conn, room).await?;
        Ok(key.zip(self.0.storage.as_ref()).map(|(key, storage)| storage.public_address(&key)))
    }

    /// The address of the room's background. The room's record says which upload it is.
    pub(super) async fn background(&self, conn: &mut PgConnection, room: RoomId) -> Result<Option<String>> {
        let key = store::background(conn, room).await?;
        Ok(key.zip(self.0.storage.as_ref()).map(|(key, storage)| storage.public_address(&key)))
    }

    /// The address of an image that a line of this room shows.
    pub(super) async fn room_image(
        &self,
        conn: &mut PgConnection,
        room: RoomId,
        image: Uuid,
    ) -> Result<Option<String>> {
        let key = store::room_image(conn, room, image).await?;
        Ok(key.zip(self.0.storage.as_ref()).map(|(key, storage)| storage.public_address(&key)))
    }

    /// Marks a ready upload of the user as shown, if it has this purpose, and gives its object's key.
    async fn take(&self, tx: &mut Tx, user: UserId, upload: Uuid, purpose: Purpose) -> Result<String> {
        let row = store::locked_upload(tx, upload).await?.filter(|row| row.user == user.number());
        let row = row.filter(|row| row.purpose == purpose).ok_or_else(|| {
            let why = format!("an upload of your own with the purpose {}", purpose.name());
            crate::kit::fields::bad_field("upload", why)
        })?;
        let key = row.object.ok_or_else(|| {
            Error::from(ErrorBody::new(ErrorCode::UploadMissing).message("complete the upload first"))
        })?;
        store::set_attached(tx, upload, true).await?;
        Ok(key)
    }

    /// Removes a batch of files that nothing has shown for long, and gives how many. The objects are removed first, so
    /// that a row is deleted only when its objects are gone.
    pub(super) async fn remove_loose(&self, tx: &mut Tx) -> Result<usize> {
        let storage = self.storage()?;
        let hours = |hours: u32| i32::try_from(hours).unwrap_or(i32::MAX);
        let (other, proof) = (hours(self.0.settings.orphan_hours), hours(self.0.settings.proof_days * 24));
        let loose = store::loose(tx, other, proof, CLEAN_UP_BATCH).await?;
        for (id, object) in &loose {
            storage.remove(&incoming(*id)).await?;
            if let Some(key) = object {
                storage.remove(key).await?;
            }
        }
        let ids: Vec<Uuid> = loose.iter().map(|(id, _)| *id).collect();
        store::delete(tx, &ids).await?;
        Ok(ids.len())
    }

    /// Drops the users from this node's rate limit whose allowance is full again.
    pub(super) fn sweep_limits(&self) {
        self.0.uploads.sweep();
    }
}

impl std::fmt::Debug for Media {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Media")
    }
}

/// The key under which a client uploads the file.
pub(super) fn incoming(id: Uuid) -> String {
    format!("incoming/{id}")
}

/// So many bytes in whole MiB, at least one.
pub(super) fn mebibytes(bytes: u64) -> usize {
    usize::try_from(bytes.div_ceil(1 << 20)).unwrap_or(Semaphore::MAX_PERMITS).clamp(1, Semaphore::MAX_PERMITS)
}

fn minutes(minutes: u32) -> Duration {
    Duration::from_secs(u64::from(minutes) * 60)
}
