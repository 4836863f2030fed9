//! The series of anchors in a place: they are written, found and checked here.
//!
//! An anchor is an object of two lines: its content as JSON, and the signature of exactly these bytes in base64.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use sha2::{Digest as _, Sha256};

use super::{Anchor, AnchorKey, PublicKey, hex};
use crate::kit::error::{Error, Result};
use crate::media::Archive;

/// The most bytes of an anchor, which is enough for some 20,000 writers.
const LIMIT: usize = 4 << 20;
/// How many anchors are read at the same time.
const AT_ONCE: usize = 16;
/// What is said of an anchor that is not there although later ones are.
const MISSING: &str = "is missing: somebody has removed it";
/// How many numbers after a missing anchor later ones are looked for.
const BEYOND: u64 = 64;

/// The key of the object with this anchor.
pub(super) fn name(number: u64) -> String {
    format!("anchors/{number:012}.anchor")
}

/// The object's bytes: the anchor and its signature.
pub(super) fn write(anchor: &Anchor, key: &AnchorKey) -> Vec<u8> {
    let words = serde_json::to_string(anchor).expect("an anchor has string keys and whole numbers");
    let signature = key.sign(words.as_bytes());
    format!("{words}\n{signature}\n").into_bytes()
}

/// An anchor that is not valid.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unsound {
    /// The anchor's number.
    pub number: u64,
    /// What is wrong, as the end of a sentence that begins with the anchor.
    pub detail: String,
}

/// All anchors of a place.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Series {
    /// The valid anchors, in their order.
    pub anchors: Vec<Anchor>,
    /// The anchors that are not valid.
    pub unsound: Vec<Unsound>,
}

impl Series {
    /// Whether there is no anchor at all, valid or not.
    pub fn is_empty(&self) -> bool {
        self.anchors.is_empty() && self.unsound.is_empty()
    }

    /// Reads every anchor of the place, from the first. An anchor is valid only if one of `keys` has signed it.
    ///
    /// # Errors
    /// An outage or a fault of the place.
    pub async fn read(place: &Archive, keys: &[PublicKey]) -> Result<Self> {
        let count = count(place).await?;
        let texts = stream::iter(1..=count)
            .map(|number| async move { Ok::<_, Error>((number, read(place, number).await?)) })
            .buffered(AT_ONCE);
        let read = texts.try_fold((Self::default(), "0".repeat(64)), |(mut series, previous), (number, text)| {
            let hash = text.as_deref().map(hash).unwrap_or_default();
            match sound(number, text.as_deref(), &previous, keys) {
                Ok(anchor) => series.anchors.push(anchor),
                Err(detail) => series.unsound.push(Unsound { number, detail }),
            }
            std::future::ready(Ok((series, hash)))
        });
        let (mut series, _) = read.await?;
        // Anchors with higher numbers are younger. One that is older than its predecessor is a copy of former books.
        for pair in series.anchors.windows(2).filter(|pair| pair[1].at < pair[0].at) {
            let detail = "is dated before the anchor before it".to_owned();
            series.unsound.push(Unsound { number: pair[1].number, detail });
        }
        Ok(series)
    }

    /// The newest anchor, and the hash of its object.
    ///
    /// # Errors
    /// If it is not valid, or the one before it is missing; an outage or a fault of the place.
    pub(super) async fn last(place: &Archive, keys: &[PublicKey]) -> Result<Option<(Anchor, String)>> {
        let number = count(place).await?;
        if number == 0 {
            return Ok(None);
        }
        let broken = |number: u64, detail: &str| {
            Error::internal(format!(
                "anchor {number} {detail}: no anchor is added behind it; see `parlor ledger audit`, and begin a new series \
                 in another place if this one cannot be mended"
            ))
        };
        let previous = match number {
            1 => "0".repeat(64),
            _ => match read(place, number - 1).await? {
                Some(text) => hash(&text),
                None => return Err(broken(number - 1, MISSING)),
            },
        };
        let text = read(place, number).await?;
        let anchor = sound(number, text.as_deref(), &previous, keys).map_err(|detail| broken(number, &detail))?;
        Ok(Some((anchor, text.as_deref().map(hash).unwrap_or_default())))
    }
}

async fn read(place: &Archive, number: u64) -> Result<Option<Vec<u8>>> {
    place.read(&name(number), LIMIT).await
}

fn hash(text: &[u8]) -> String {
    hex(&Sha256::digest(text))
}

/// The number of the last anchor. It is found by doubling steps and then by halving them. Missing anchors are skipped
/// if there are later ones.
async fn count(place: &Archive) -> Result<u64> {
    let there = async |number: u64| Ok::<_, Error>(read(place, number).await?.is_some());
    let (mut low, mut step) = (0, 1);
    while there(low + step).await? {
        low += step;
        step *= 2;
    }
    // The anchor `low` exists (or `low` is 0), and `low + step` does not.
    let mut high = low + step;
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if there(middle).await? {
            low = middle;
        } else {
            high = middle;
        }
    }
    let mut beyond = low + 2;
    while beyond <= low + BEYOND {
        if there(beyond).await? {
            low = beyond;
        }
        beyond += 1;
    }
    Ok(low)
}

/// Checks one anchor: its form, its signature, its number, and that it names the previous anchor's hash.
fn sound(number: u64, text: Option<&[u8]>, previous: &str, keys: &[PublicKey]) -> std::result::Result<Anchor, String> {
    let text = text.ok_or(MISSING)?;
    let text = std::str::from_utf8(text).map_err(|_| "is no text")?;
    let (words, signature) = text.split_once('\n').ok_or("is not whole")?;
    if !keys.iter().any(|key| key.signed(words.as_bytes(), signature.trim_end())) {
        return Err("is not signed by a key that counts".to_owned());
    }
    let anchor: Anchor = serde_json::from_str(words).map_err(|error| format!("cannot be read: {error}"))?;
    if anchor.number != number {
        return Err(format!("is anchor {} under another number", anchor.number));
    }
    if anchor.previous != previous {
        return Err("does not name the hash of the anchor before it".to_owned());
    }
    Ok(anchor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::economy::ledger::anchor::OpeningsHead;

    fn key(seed: u8) -> AnchorKey {
        use base64::Engine as _;
        AnchorKey::parse(&base64::engine::general_purpose::STANDARD.encode([seed; 32])).expect("a key")
    }

    fn anchor(number: u64, previous: &str) -> Anchor {
        Anchor {
            number,
            at: number as i64,
            previous: previous.to_owned(),
            links: 1,
            last_transfer: 1,
            last_writer: 1,
            heads: Vec::new(),
            openings: OpeningsHead::default(),
        }
    }

    /// A place with this many anchors, which key 1 has signed.
    async fn place(name: &str, anchors: u64) -> (std::path::PathBuf, Archive) {
        let folder = std::env::temp_dir().join(format!("parlor-anchors-{name}-{}", uuid::Uuid::new_v4()));
        let place = Archive::folder(&folder, crate::kit::chance::Chance::seeded(1)).expect("a folder");
        let mut previous = "0".repeat(64);
        for number in 1..=anchors {
            let text = write(&anchor(number, &previous), &key(1));
            previous = hash(&text);
            assert!(place.add(&super::name(number), text).await.expect("added"));
        }
        (folder, place)
    }

    #[tokio::test]
    async fn what_was_added_is_read_back_in_order_and_nothing_is_written_over() {
        let (folder, place) = place("order", 5).await;
        let series = Series::read(&place, &[key(1).public()]).await.expect("read");
        assert_eq!(series.anchors.iter().map(|anchor| anchor.number).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
        assert_eq!(series.unsound, []);
        assert_eq!(Series::last(&place, &[key(1).public()]).await.expect("read").expect("there").0.number, 5);
        assert!(!place.add(&super::name(3), b"other".to_vec()).await.expect("asked"), "the anchor exists already");
        std::fs::remove_dir_all(folder).expect("removed");
    }

    #[tokio::test]
    async fn an_anchor_that_is_gone_changed_or_of_another_key_is_named() {
        let (folder, place) = place("changed", 6).await;
        let path = |number: u64| folder.join(super::name(number));
        std::fs::remove_file(path(2)).expect("removed");
        let text = std::fs::read_to_string(path(4)).expect("read");
        std::fs::write(path(4), text.replace("\"links\":1", "\"links\":2")).expect("written");
        let series = Series::read(&place, &[key(1).public()]).await.expect("read");
        let named: Vec<_> = series.unsound.iter().map(|one| one.number).collect();
        assert_eq!(named, [2, 3, 4, 5], "the two, and those that follow them: {:?}", series.unsound);
        let foreign = Series::read(&place, &[key(2).public()]).await.expect("read");
        assert_eq!(foreign.anchors, []);

        // Nothing is added behind an end that is not whole.
        let end = async |keys: &[PublicKey]| match Series::last(&place, keys).await {
            Ok(last) => last.map(|(anchor, _)| anchor.number.to_string()).unwrap_or_default(),
            Err(error) => error.to_string(),
        };
        assert_eq!(end(&[key(1).public()]).await, "6");
        assert!(end(&[key(2).public()]).await.contains("anchor 6 is not signed by a key that counts"));
        std::fs::remove_file(path(5)).expect("removed");
        assert!(end(&[key(1).public()]).await.contains("anchor 5 is missing"));
        std::fs::remove_dir_all(folder).expect("removed");
    }
}
