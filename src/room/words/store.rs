//! SQL of the lists of filtered words, which the operator writes and the server only reads.

use sqlx::PgConnection;

use super::{Entry, WordAct};
use crate::kit::error::{Error, Result};

/// The words of all lists, by language and word, at most so many.
pub(super) async fn entries(conn: &mut PgConnection, most: usize) -> Result<Vec<Entry>> {
    let rows = sqlx::query!(
        "select language, word, act
           from filtered_words
          order by language, word
          limit $1",
        i64::try_from(most).unwrap_or(i64::MAX)
    )
    .fetch_all(conn)
    .await?;
    let act = |act: &str| match act {
        "mask" => Ok(WordAct::Mask),
        "refuse" => Ok(WordAct::Refuse),
        _ => Err(Error::internal("a filtered word has an act that this server does not know")),
    };
    rows.into_iter().map(|row| Ok(Entry { language: row.language, act: act(&row.act)?, word: row.word })).collect()
}
