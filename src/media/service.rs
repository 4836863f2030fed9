//! Uploads from the announcement to what shows them: the rules and the transactions.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use parlor_protocol::{ErrorBody, ErrorCode, RoomId, UserId};
use sqlx::PgPool;
use tokio::sync::Semaphore;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::storage::folder::Folder;
use super::storage::s3::S3;
use super::storage::{PutAddress, Storage};
use super::{Purpose, Settings, kind, store};
use crate::kit::clock::Timestamp;
use crate::kit::error::{Error, Result};
use crate::kit::limit::Limit;
use crate::kit::supervise::{Crew, Supervisor};

/// Between two looks for files that nothing shows.
const CLEAN_UP_EVERY: Duration = Duration::from_secs(600);
/// Files that are removed in one transaction.
const CLEAN_UP_BATCH: i64 = 50;

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
pub struct Media(Arc<Inner>);

struct Inner {
    pool: PgPool,
    settings: Settings,
    storage: Option<Storage>,
    uploads: Limit<UserId>,
    checks: Semaphore,
    crew: Crew,
}

impl Media {
    /// Over the object store of the settings, else their folder, else this one; over none, uploads are
    /// refused. Removes what nothing shows until `stop`.
    ///
    /// # Errors
    /// A folder that cannot be made.
    pub fn start(pool: PgPool, settings: &Settings, folder: Option<PathBuf>, supervisor: &Supervisor) -> Result<Self> {
        let storage = match (S3::of(settings)?, settings.folder.clone().or(folder)) {
            (Some(s3), _) => Some(Storage::S3(s3)),
            (None, Some(folder)) => Some(Storage::Folder(Folder::open(&folder).map_err(Error::internal)?)),
            (None, None) => None,
        };
        let media = Self(Arc::new(Inner {
            pool,
            settings: settings.clone(),
            storage,
            uploads: Limit::per_minute(settings.uploads_per_minute_user),
            checks: Semaphore::new(settings.checks),
            crew: supervisor.crew().clone(),
        }));
        if media.0.storage.is_some() {
            let tended = media.clone().tend(supervisor.stop().clone());
            supervisor.engine("media tending", supervisor.stop(), tended);
        }
        Ok(media)
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

    fn storage(&self) -> Result<&Storage> {
        self.0.storage.as_ref().ok_or_else(|| {
            ErrorBody::new(ErrorCode::FeatureOff).message("this server has no place for files (`media.s3`)").into()
        })
    }

    /// Announces a file: the address to put it to, for a while, for this type and size alone.
    pub(super) async fn begin(
        &self,
        user: UserId,
        purpose: Purpose,
        content_type: &str,
        bytes: u32,
        now: Timestamp,
    ) -> Result<Begun> {
        let storage = self.storage()?;
        let mut fields = crate::kit::fields::Fields::default();
        if purpose.allows(content_type).is_none() {
            fields.refuse("content_type", format!("one of {}", purpose.allowed()));
        }
        let limit = self.0.settings.bytes_of(purpose);
        if !(1..=limit).contains(&bytes) {
            fields.refuse("bytes", format!("1 to {limit}"));
        }
        if !fields.is_empty() {
            return Err(fields.into_error());
        }
        self.0.uploads.check(&user)?;
        let id = Uuid::new_v4();
        let size = i32::try_from(bytes).map_err(Error::internal)?;
        store::insert(&mut *self.0.pool.acquire().await?, id, user, purpose, content_type, size).await?;
        let holds = minutes(self.0.settings.upload_minutes);
        let put = storage.put_address(&incoming(id), content_type, bytes, holds, now);
        Ok(Begun { id, put, expires_at: now.plus_ms(holds.as_millis() as i64) })
    }

    /// Looks at what was put and says whether it is what was announced. Once more gives the first answer.
    pub(super) async fn complete(&self, user: UserId, id: Uuid, now: Timestamp) -> Result<Upload> {
        self.storage()?;
        let row = self.own(user, id).await?;
        let row = match row.state {
            State::Pending => {
                self.0.uploads.check(&user)?;
                let media = self.clone();
                // To its end, even where the client hangs up: what was written must be known.
                let check = self.0.crew.work("upload check", async move { media.check(row).await });
                check.await.map_err(Error::internal)??
            }
            State::Ready | State::Refused => row,
        };
        match row.state {
            State::Refused => Err(refused(row.purpose)),
            _ => Ok(self.shown(row, now)),
        }
    }

    async fn check(&self, row: store::Row) -> Result<store::Row> {
        let storage = self.storage()?;
        let _one_of_few = self.0.checks.acquire().await.map_err(Error::internal)?;
        let put = incoming(row.id);
        let bytes = storage.read(&put, self.0.settings.bytes_of(row.purpose)).await?;
        let bytes = bytes.ok_or_else(|| {
            Error::from(ErrorBody::new(ErrorCode::UploadMissing).message("put the file to its address first"))
        })?;
        let file_type = row.purpose.allows(&row.content_type).filter(|_| bytes.len() == row.bytes as usize);
        let object = match file_type.filter(|file_type| kind::is(&bytes, *file_type)) {
            Some(file_type) => {
                let plane = if row.purpose.is_public() { "public" } else { "private" };
                let key = format!("{plane}/{}/{}.{}", row.purpose.name(), Uuid::new_v4().simple(), file_type.ending);
                storage.write(&key, file_type.content_type, row.purpose.is_public(), bytes).await?;
                Some(key)
            }
            None => None,
        };
        let state = if object.is_some() { State::Ready } else { State::Refused };
        let conn = &mut *self.0.pool.acquire().await?;
        let first = store::settle(conn, row.id, state, object.as_deref()).await?;
        // What is left of either is found by nobody; the clean-up knows the first, and the second is rare.
        discard(storage, &put).await;
        if first {
            return Ok(store::Row { state, object, ..row });
        }
        if let Some(key) = &object {
            discard(storage, key).await;
        }
        store::upload(conn, row.id).await?.ok_or_else(|| Error::new(ErrorCode::NotFound))
    }

    /// The user's own upload, with an address to read it by.
    pub(super) async fn find(&self, user: UserId, id: Uuid, now: Timestamp) -> Result<Upload> {
        self.storage()?;
        Ok(self.shown(self.own(user, id).await?, now))
    }

    /// Of another's upload nothing is said, not even that it is there.
    async fn own(&self, user: UserId, id: Uuid) -> Result<store::Row> {
        let row = store::upload(&mut *self.0.pool.acquire().await?, id).await?;
        row.filter(|row| row.user == user.number()).ok_or_else(|| Error::new(ErrorCode::NotFound))
    }

    fn shown(&self, row: store::Row, now: Timestamp) -> Upload {
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
    pub(super) async fn wear_avatar(&self, user: UserId, upload: Uuid) -> Result<String> {
        let mut tx = self.0.pool.begin().await?;
        let key = self.take(&mut tx, user, upload, Purpose::Avatar).await?;
        if let Some(former) = store::locked_avatar(&mut tx, user).await?.filter(|former| *former != upload) {
            store::set_attached(&mut tx, former, false).await?;
        }
        store::put_avatar(&mut tx, user, upload).await?;
        tx.commit().await?;
        Ok(self.storage()?.public_address(&key))
    }

    /// Shows no avatar of the user.
    pub(super) async fn drop_avatar(&self, user: UserId) -> Result<()> {
        let mut tx = self.0.pool.begin().await?;
        if let Some(former) = store::locked_avatar(&mut tx, user).await? {
            store::delete_avatar(&mut tx, user).await?;
            store::set_attached(&mut tx, former, false).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Where the user's avatar is read.
    pub(super) async fn avatar(&self, user: UserId) -> Result<Option<String>> {
        let key = store::avatar(&mut *self.0.pool.acquire().await?, user).await?;
        Ok(key.zip(self.0.storage.as_ref()).map(|(key, storage)| storage.public_address(&key)))
    }

    /// Shows this upload of the user as the logo of their room; gives its address.
    pub(super) async fn hang_logo(&self, user: UserId, room: RoomId, upload: Uuid) -> Result<String> {
        let mut tx = self.0.pool.begin().await?;
        let key = self.take(&mut tx, user, upload, Purpose::RoomLogo).await?;
        if let Some(former) = store::locked_logo(&mut tx, room).await?.filter(|former| *former != upload) {
            store::set_attached(&mut tx, former, false).await?;
        }
        store::put_logo(&mut tx, room, upload).await?;
        tx.commit().await?;
        Ok(self.storage()?.public_address(&key))
    }

    /// Shows no logo of the room.
    pub(super) async fn drop_logo(&self, room: RoomId) -> Result<()> {
        let mut tx = self.0.pool.begin().await?;
        if let Some(former) = store::locked_logo(&mut tx, room).await? {
            store::delete_logo(&mut tx, room).await?;
            store::set_attached(&mut tx, former, false).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Where the room's logo is read.
    pub(super) async fn logo(&self, room: RoomId) -> Result<Option<String>> {
        let key = store::logo(&mut *self.0.pool.acquire().await?, room).await?;
        Ok(key.zip(self.0.storage.as_ref()).map(|(key, storage)| storage.public_address(&key)))
    }

    /// Takes a ready upload of the user for what it was made for; gives its key.
    async fn take(
        &self,
        conn: &mut sqlx::PgConnection,
        user: UserId,
        upload: Uuid,
        purpose: Purpose,
    ) -> Result<String> {
        let row = store::locked_upload(conn, upload).await?.filter(|row| row.user == user.number());
        let row = row.filter(|row| row.purpose == purpose).ok_or_else(|| {
            let why = format!("no upload of yours for {}", purpose.name());
            crate::kit::fields::bad_field("upload", why)
        })?;
        let key = row.object.ok_or_else(|| {
            Error::from(ErrorBody::new(ErrorCode::UploadMissing).message("complete the upload first"))
        })?;
        store::set_attached(conn, upload, true).await?;
        Ok(key)
    }

    async fn tend(self, stop: CancellationToken) {
        let mut every = interval(CLEAN_UP_EVERY);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                _ = every.tick() => {}
            }
            self.0.uploads.sweep();
            loop {
                match stop.run_until_cancelled(self.clean_up()).await {
                    None => return,
                    Some(Ok(removed)) if removed == CLEAN_UP_BATCH as usize => {}
                    Some(Ok(_)) => break,
                    Some(Err(error)) => {
                        tracing::warn!(%error, "loose uploads were not cleaned up; the next look will");
                        break;
                    }
                }
            }
        }
    }

    /// Removes some files that nothing has shown for long, the objects first: a row is forgotten only when
    /// they are gone. Gives how many.
    ///
    /// # Errors
    /// The store of rows or of objects is away; then nothing is forgotten.
    pub async fn clean_up(&self) -> Result<usize> {
        let storage = self.storage()?;
        let mut tx = self.0.pool.begin().await?;
        let hours = i32::try_from(self.0.settings.orphan_hours).unwrap_or(i32::MAX);
        let loose = store::loose(&mut tx, hours, CLEAN_UP_BATCH).await?;
        for (id, object) in &loose {
            storage.remove(&incoming(*id)).await?;
            if let Some(key) = object {
                storage.remove(key).await?;
            }
        }
        let ids: Vec<Uuid> = loose.iter().map(|(id, _)| *id).collect();
        store::delete(&mut tx, &ids).await?;
        tx.commit().await?;
        Ok(ids.len())
    }
}

impl std::fmt::Debug for Media {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Media")
    }
}

/// Where a client puts the file of this upload.
fn incoming(id: Uuid) -> String {
    format!("incoming/{id}")
}

fn minutes(minutes: u32) -> Duration {
    Duration::from_secs(u64::from(minutes) * 60)
}

fn refused(purpose: Purpose) -> Error {
    let words = format!("the file is not what was announced, or none of {}", purpose.allowed());
    ErrorBody::new(ErrorCode::UploadRefused).message(words).into()
}

async fn discard(storage: &Storage, key: &str) {
    if let Err(error) = storage.remove(key).await {
        tracing::warn!(%error, "an object that nothing needs was not removed");
    }
}
