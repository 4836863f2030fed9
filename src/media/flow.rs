//! Uploads are checked, and files that nothing shows are removed. Both need the object store, which takes a while, so
//! the transactions are opened and committed here, around that work. This file is part of the edge.

use std::panic::catch_unwind;

use parlor_protocol::{ErrorBody, ErrorCode, UserId};
use uuid::Uuid;

use super::kind::FileType;
use super::picture::{Bounds, Unfit};
use super::service::{State, Upload, incoming, mebibytes};
use super::storage::Storage;
use super::{Media, Purpose, kind, picture, store};
use crate::kit::chance::Chance;
use crate::kit::edge::Edge;
use crate::kit::error::{Error, Result};

impl Media {
    /// Checks whether the file that was uploaded is what was announced, and writes it again. A second call gives the first
    /// answer.
    pub(super) async fn complete(&self, edge: &Edge, user: UserId, id: Uuid) -> Result<Upload> {
        self.storage()?;
        let row = self.own(&mut *edge.read().await?, user, id).await?;
        let row = match row.state {
            State::Pending => {
                self.admit(user)?;
                let (media, edge) = (self.clone(), edge.clone());
                // The check runs to its end even if the client hangs up, because an object that it has written must be
                // recorded.
                let check = self.0.crew.work("upload check", async move { media.check(&edge, row).await });
                check.await.map_err(Error::internal)??
            }
            State::Ready | State::Refused => row,
        };
        match row.state {
            State::Refused => Err(refused(row.purpose)),
            _ => Ok(self.shown(row, edge.now())),
        }
    }

    async fn check(&self, edge: &Edge, row: store::Row) -> Result<store::Row> {
        let storage = self.storage()?;
        let _one_of_few = self.0.checks.acquire().await.map_err(Error::internal)?;
        let put = incoming(row.id);
        let object = self.checked(storage, edge.chance(), &put, &row).await?;
        let mut tx = edge.begin().await?;
        let (row, first) = self.settle(&mut tx, row, object.clone()).await?;
        tx.commit().await?;
        // These objects are not needed any more. If the first cannot be removed now, the clean-up does it. The second
        // one exists only if another check was faster; if it cannot be removed it stays for good.
        discard(storage, &put).await;
        if let Some(key) = object.filter(|_| !first) {
            discard(storage, &key).await;
        }
        Ok(row)
    }

    /// Reads the uploaded file. If it is what was announced, it is written again under a new key, which is given.
    async fn checked(&self, storage: &Storage, chance: &Chance, put: &str, row: &store::Row) -> Result<Option<String>> {
        let bytes = storage.read(put, self.0.settings.bytes_of(row.purpose)).await?;
        let bytes = bytes.ok_or_else(|| {
            Error::from(ErrorBody::new(ErrorCode::UploadMissing).message("put the file to its address first"))
        })?;
        let file_type = row.purpose.allows(&row.content_type).filter(|_| bytes.len() == row.bytes as usize);
        let Some(file_type) = file_type.filter(|file_type| kind::is(&bytes, *file_type)) else { return Ok(None) };
        let (bytes, file_type) = match file_type.is_picture() {
            true => match self.anew(bytes, file_type, row.purpose).await? {
                Ok(written) => written,
                Err(Unfit) => return Ok(None),
            },
            false => (bytes, file_type),
        };
        let plane = if row.purpose.is_public() { "public" } else { "private" };
        let key = format!("{plane}/{}/{}.{}", row.purpose.name(), chance.id().simple(), file_type.ending);
        storage.write(&key, file_type.content_type, row.purpose.is_public(), bytes).await?;
        Ok(Some(key))
    }

    /// The picture, decoded and written anew, in its share of the memory for that. It is done in the request, whose
    /// client needs the answer: it takes up to a second or two, and whoever waits too long asks again for the same.
    async fn anew(
        &self,
        bytes: Vec<u8>,
        file_type: FileType,
        purpose: Purpose,
    ) -> Result<Result<(Vec<u8>, FileType), Unfit>> {
        let settings = &self.0.settings;
        let bounds = Bounds { pixels: settings.picture_pixels.into(), memory: settings.picture_memory_bytes };
        let cost = match picture::cost(&bytes, file_type, purpose, bounds) {
            Ok(cost) => u32::try_from(mebibytes(cost)).map_err(Error::internal)?,
            Err(Unfit) => return Ok(Err(Unfit)),
        };
        let _share = self.0.decoding.acquire_many(cost).await.map_err(Error::internal)?;
        let decoded = self.0.crew.blocking("picture", move || {
            // A file on which a decoder panics is no picture that can be shown.
            catch_unwind(|| picture::anew(&bytes, file_type, purpose, bounds)).unwrap_or(Err(Unfit))
        });
        decoded.await.map_err(Error::internal)
    }

    /// Removes a batch of files that nothing has shown for long, and gives how many. The transaction is held while the
    /// object store works, because its locks keep others from showing a file that is being removed. No other
    /// transaction of this slice is held so long.
    ///
    /// # Errors
    /// An outage or a fault of the database or the object store; then the rows of all these files stay.
    pub async fn clean_up(&self, edge: &Edge) -> Result<usize> {
        let mut tx = edge.begin().await?;
        let removed = self.remove_loose(&mut tx).await?;
        tx.commit().await?;
        Ok(removed)
    }
}

fn refused(purpose: Purpose) -> Error {
    let words = format!(
        "the file is not a whole file of the announced size and type, or has too many pixels; allowed are {}",
        purpose.allowed()
    );
    ErrorBody::new(ErrorCode::UploadRefused).message(words).into()
}

async fn discard(storage: &Storage, key: &str) {
    if let Err(error) = storage.remove(key).await {
        tracing::warn!(%error, "an object that is not needed any more could not be removed");
    }
}
