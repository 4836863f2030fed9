//! The filter of words: what a line of chat says is judged before it is published.
//!
//! The room knows the trait [`WordFilter`] alone, and holds the filter of its last look. [`Lists`] implements it with the
//! operator's own lists, which stand in the table `filtered_words`, one for each language, and are read again while the server
//! runs. There are no words of Parlor's own: the crate `rustrict` knows English only, takes one clean line in four for a bad
//! one by its own figures, and strips the marks of other scripts from what it masks.

mod lists;
mod store;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use aho_corasick::BuildError;
use tokio::sync::watch;
use tokio::time::{Duration, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

pub use self::lists::{Entry, GENERAL, Lists};
pub(super) use self::lists::{begins, folded};
use crate::kit::edge::Edge;
use crate::kit::error::Error;
use crate::kit::supervise::{Crew, Supervisor};

/// The most words of all lists together. Those beyond it are left out, which the log says.
pub const MOST: usize = 20_000;
/// How soon the lists are read again when they could not be.
const AGAIN: Duration = Duration::from_secs(1);

/// What is to become of a line with a word of a list.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum WordAct {
    /// The word is replaced by asterisks.
    Mask,
    /// The line is refused.
    Refuse,
}

/// What the filter says of a line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It may be published as it is.
    Clean,
    /// It may be published in this form.
    Masked(String),
    /// It may not be published.
    Refused,
}

/// A filter of words. It has no I/O, and the same line always gets the same verdict.
pub trait WordFilter: fmt::Debug + Send + Sync {
    /// Judges a line of chat in a room of this language (ISO 639-1), or in one that names none. Every line waits for it, so it
    /// must be quick.
    fn judge_in(&self, text: &str, language: Option<&str>) -> Verdict;

    /// Judges a line in a room that names no language.
    fn judge(&self, text: &str) -> Verdict {
        self.judge_in(text, None)
    }
}

/// The filter that a room holds.
pub type Words = Arc<dyn WordFilter>;

/// Where the present filter stands; `None` until the lists were read for the first time.
pub(super) type Watched = watch::Receiver<Option<Words>>;

/// The filter without a word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NoWords;

impl WordFilter for NoWords {
    fn judge_in(&self, _text: &str, _language: Option<&str>) -> Verdict {
        Verdict::Clean
    }
}

/// Starts the task that reads the lists every so often and makes a filter of them when they have changed.
pub(super) fn start(edge: Edge, every: Duration, supervisor: &Supervisor, until: &CancellationToken) -> Watched {
    let (sender, words) = watch::channel(None);
    let keeper = Keeper { edge, crew: supervisor.crew().clone(), sender, last: None, failing: false };
    supervisor.engine("word lists", until, keeper.keep(every, until.clone()));
    words
}

/// The filter, as soon as there is one; `None` if the server stops before.
pub(super) async fn first(words: &mut Watched) -> Option<Words> {
    let first = words.wait_for(Option::is_some).await.ok()?;
    first.clone()
}

/// The filter of the first of these words, at most so many.
fn filter_of(entries: &[Entry], most: usize) -> Result<Words, BuildError> {
    let lists = Lists::of(&entries[..entries.len().min(most)])?;
    Ok(lists.map_or_else(|| Arc::new(NoWords) as Words, |lists| Arc::new(lists)))
}

/// Keeps the filter as the lists are.
struct Keeper {
    edge: Edge,
    crew: Crew,
    sender: watch::Sender<Option<Words>>,
    /// The lists that the present filter was made of.
    last: Option<Vec<Entry>>,
    failing: bool,
}

impl Keeper {
    async fn keep(mut self, every: Duration, until: CancellationToken) {
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = until.cancelled() => return,
                _ = ticks.tick() => {}
            }
            // A store that does not answer must not hold up the stop.
            let Some(read) = until.run_until_cancelled(self.read()).await else { return };
            match read {
                Ok(()) => self.failing = false,
                Err(error) => {
                    ticks.reset_after(AGAIN.min(every));
                    if !std::mem::replace(&mut self.failing, true) {
                        tracing::warn!(%error, "the lists of filtered words could not be read; the last ones hold");
                    }
                }
            }
        }
    }

    async fn read(&mut self) -> Result<(), Error> {
        let entries = store::entries(&mut *self.edge.read().await?, MOST + 1).await?;
        if self.last.as_ref() == Some(&entries) {
            return Ok(());
        }
        if entries.len() > MOST {
            tracing::warn!(most = MOST, "there are more filtered words than are used");
        }
        self.last = Some(entries.clone());
        let words = entries.len().min(MOST);
        let made = self.crew.blocking("filter of words", move || filter_of(&entries, MOST));
        let made = made.await.map_err(|_| Error::internal("the filter of words was not made"))?;
        let filter = made.map_err(|error| Error::internal(error.to_string()))?;
        self.sender.send_replace(Some(filter));
        tracing::info!(words, "the filter of words was made");
        Ok(())
    }
}
