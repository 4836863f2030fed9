//! Uploads looked at, and files that nothing shows removed: transactions around the work of an object store,
//! which takes a while. A part of the edge: it opens and commits.

use parlor_protocol::{ErrorBody, ErrorCode, UserId};
use uuid::Uuid;

use super::service::{State, Upload, incoming};
use super::storage::Storage;
use super::{Media, Purpose, kind, store};
use crate::kit::chance::Chance;
use crate::kit::edge::Edge;
use crate::kit::error::{Error, Result};

impl Media {
    /// Looks at what was put and says whether it is what was announced. Once more gives the first answer.
    pub(super) async fn complete(&self, edge: &Edge, user: UserId, id: Uuid) -> Result<Upload> {
        self.storage()?;
        let row = self.own(&mut *edge.read().await?, user, id).await?;
        let row = match row.state {
            State::Pending => {
                self.admit(user)?;
                let (media, edge) = (self.clone(), edge.clone());
                // To its end, even where the client hangs up: what was written must be known.
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
        // What is left of either is found by nobody; the clean-up knows the first, and the second is rare.
        discard(storage, &put).await;
        if let Some(key) = object.filter(|_| !first) {
            discard(storage, &key).await;
        }
        Ok(row)
    }

    /// Reads what was put, and writes it anew under a key of its own if it is what was announced.
    async fn checked(&self, storage: &Storage, chance: &Chance, put: &str, row: &store::Row) -> Result<Option<String>> {
        let bytes = storage.read(put, self.0.settings.bytes_of(row.purpose)).await?;
        let bytes = bytes.ok_or_else(|| {
            Error::from(ErrorBody::new(ErrorCode::UploadMissing).message("put the file to its address first"))
        })?;
        let file_type = row.purpose.allows(&row.content_type).filter(|_| bytes.len() == row.bytes as usize);
        let Some(file_type) = file_type.filter(|file_type| kind::is(&bytes, *file_type)) else { return Ok(None) };
        let plane = if row.purpose.is_public() { "public" } else { "private" };
        let key = format!("{plane}/{}/{}.{}", row.purpose.name(), chance.id().simple(), file_type.ending);
        storage.write(&key, file_type.content_type, row.purpose.is_public(), bytes).await?;
        Ok(Some(key))
    }

    /// Removes some files that nothing has shown for long, and gives how many. The one transaction that is
    /// held while the object store works: its locks keep everybody from showing a file that is being removed.
    ///
    /// # Errors
    /// The store of rows or of objects is away; then nothing is forgotten.
    pub async fn clean_up(&self, edge: &Edge) -> Result<usize> {
        let mut tx = edge.begin().await?;
        let removed = self.remove_loose(&mut tx).await?;
        tx.commit().await?;
        Ok(removed)
    }
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
