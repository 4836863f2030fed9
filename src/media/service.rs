//! Uploads from the announcement to what shows them: the rules. Whoever calls has opened the transaction.

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

/// Files that are removed in one transaction.
pub(super) const CLEAN_UP_BATCH: i64 = 50;

/// How far an upload is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum State {
    /// Its content has not been seen.
    Pending,
    /// Its content is what it was announced as.
    Ready,
    /// Its content is something else.
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

/// An upload that may begin.
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
    /// Where a ready one is read, and until when that holds; of a public one it holds for good.
    pub address: Option<(String, Option<Timestamp>)>,
}

/// Files that people upload. Cheap to clone; a part of the state of routes.
#[derive(Clone)]
pub struct Media(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) settings: Settings,
    storage: Option<Storage>,
    uploads: Limit<UserId>,
    pub(super) checks: Semaphore,
    pub(super) crew: Crew,
}

impl Media {
    /// Over the object store of the settings, else their folder, else this one; over none, uploads are
    /// refused. What is done again and again is in [`Media::kinds`].
    ///
    /// # Errors
    /// A folder that cannot be made.
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
            crew: supervisor.crew().clone(),
        })))
    }

    /// The folder that this server serves, if files lie in one.
    pub(super) fn folder(&self) -> Option<&Folder> {
        match &self.0.storage {
            Some(Storage::Folder(folder)) => Some(folder),
            _ => None,
        }
    }

    /// The largest file there may be, in bytes.
    pub(super) fn largest(&self) -> usize {
        let purposes = [Purpose::Avatar, Purpose::RoomLogo, Purpose::Proof];
        purposes.into_iter().map(|purpose| self.0.settings.bytes_of(purpose) as usize).max().unwrap_or(0)
    }

    /// There is a place for files.
    pub(super) fn has_storage(&self) -> bool {
        self.0.storage.is_some()
    }

    pub(super) fn storage(&self) -> Result<&Storage> {
        self.0.storage.as_ref().ok_or_else(|| {
            ErrorBody::new(ErrorCode::FeatureOff).message("this server has no place for files (`media.s3`)").into()
        })
    }

    /// Counts an upload for its user.
    pub(super) fn admit(&self, user: UserId) -> Result<()> {
        self.0.uploads.check(&user)
    }

    /// Checks whether a file of this type and size may be announced for this.
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

    /// Announces a file: the address to put it to, for a while, for this type and size alone.
    pub(super) async fn begin(
        &self,
        tx: &mut Tx,
        user: UserId,
        (purpose, content_type, bytes): (Purpose, &str, u32),
        (now, chance): (Timestamp, &Chance),
    ) -> Result<Begun> {
        let storage = self.storage()?;
        let id = chance.id();
        let size = i32::try_from(bytes).map_err(Error::internal)?;
        store::insert(tx, id, user, purpose, content_type, size).await?;
        let holds = minutes(self.0.settings.upload_minutes);
        let put = storage.put_address(&incoming(id), content_type, bytes, holds, now);
        Ok(Begun { id, put, expires_at: now.plus_ms(holds.as_millis() as i64) })
    }

    /// Keeps what was found of an upload: where its object is, or that it was refused. Another look may have
    /// been faster: then its finding stands, and `false` comes with it.
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

    /// The user's own upload, with an address to read it by.
    pub(super) async fn find(&self, conn: &mut PgConnection, user: UserId, id: Uuid, now: Timestamp) -> Result<Upload> {
        self.storage()?;
        Ok(self.shown(self.own(conn, user, id).await?, now))
    }

    /// Of another's upload nothing is said, not even that it is there.
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

    /// Shows this upload as the user's avatar; gives its address.
    pub(super) async fn wear_avatar(&self, tx: &mut Tx, user: UserId, upload: Uuid) -> Result<String> {
        let key = self.take(tx, user, upload, Purpose::Avatar).await?;
        if let Some(former) = store::locked_avatar(tx, user).await?.filter(|former| *former != upload) {
            store::set_attached(tx, former, false).await?;
        }
        store::put_avatar(tx, user, upload).await?;
        Ok(self.storage()?.public_address(&key))
    }

    /// Shows no avatar of the user.
    pub(super) async fn drop_avatar(&self, tx: &mut Tx, user: UserId) -> Result<()> {
        if let Some(former) = store::locked_avatar(tx, user).await? {
            store::delete_avatar(tx, user).await?;
            store::set_attached(tx, former, false).await?;
        }
        Ok(())
    }

    /// Where the user's avatar is read.
    pub(super) async fn avatar(&self, conn: &mut PgConnection, user: UserId) -> Result<Option<String>> {
        let key = store::avatar(conn, user).await?;
        Ok(key.zip(self.0.storage.as_ref()).map(|(key, storage)| storage.public_address(&key)))
    }

    /// Shows this upload of the user as the logo of their room; gives its address.
    pub(super) async fn hang_logo(&self, tx: &mut Tx, user: UserId, room: RoomId, upload: Uuid) -> Result<String> {
        let key = self.take(tx, user, upload, Purpose::RoomLogo).await?;
        if let Some(former) = store::locked_logo(tx, room).await?.filter(|former| *former != upload) {
            store::set_attached(tx, former, false).await?;
        }
        store::put_logo(tx, room, upload).await?;
        Ok(self.storage()?.public_address(&key))
    }

    /// Shows no logo of the room.
    pub(super) async fn drop_logo(&self, tx: &mut Tx, room: RoomId) -> Result<()> {
        if let Some(former) = store::locked_logo(tx, room).await? {
            store::delete_logo(tx, room).await?;
            store::set_attached(tx, former, false).await?;
        }
        Ok(())
    }

    /// Where the room's logo is read.
    pub(super) async fn logo(&self, conn: &mut PgConnection, room: RoomId) -> Result<Option<String>> {
        let key = store::logo(conn, room).await?;
        Ok(key.zip(self.0.storage.as_ref()).map(|(key, storage)| storage.public_address(&key)))
    }

    /// Takes a ready upload of the user for what it was made for; gives its key.
    async fn take(&self, tx: &mut Tx, user: UserId, upload: Uuid, purpose: Purpose) -> Result<String> {
        let row = store::locked_upload(tx, upload).await?.filter(|row| row.user == user.number());
        let row = row.filter(|row| row.purpose == purpose).ok_or_else(|| {
            let why = format!("no upload of yours for {}", purpose.name());
            crate::kit::fields::bad_field("upload", why)
        })?;
        let key = row.object.ok_or_else(|| {
            Error::from(ErrorBody::new(ErrorCode::UploadMissing).message("complete the upload first"))
        })?;
        store::set_attached(tx, upload, true).await?;
        Ok(key)
    }

    /// Removes some files that nothing has shown for long, the objects first: a row is forgotten only when
    /// they are gone. Gives how many.
    pub(super) async fn remove_loose(&self, tx: &mut Tx) -> Result<usize> {
        let storage = self.storage()?;
        let hours = i32::try_from(self.0.settings.orphan_hours).unwrap_or(i32::MAX);
        let loose = store::loose(tx, hours, CLEAN_UP_BATCH).await?;
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

    /// Forgets of this node's limits the keys that are as good as new.
    pub(super) fn sweep_limits(&self) {
        self.0.uploads.sweep();
    }
}

impl std::fmt::Debug for Media {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Media")
    }
}

/// Where a client puts the file of this upload.
pub(super) fn incoming(id: Uuid) -> String {
    format!("incoming/{id}")
}

fn minutes(minutes: u32) -> Duration {
    Duration::from_secs(u64::from(minutes) * 60)
}
