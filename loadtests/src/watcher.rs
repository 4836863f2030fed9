//! What one simulated user has seen of a room, reduced to what the verdict needs: unlike a [`crate::screen::Screen`] it
//! keeps no history, so that ten thousand of them fit in memory. It does no I/O.

use std::collections::BTreeMap;

use parlor_protocol::reply::Joined;
use parlor_protocol::room::{GiftLine, Position, Seat};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::verdict::{Kind, Verdict};

/// Characters of a frame that a violation quotes.
const QUOTED: usize = 300;

/// The envelope of any frame from the server, borrowed.
#[derive(Deserialize, Debug)]
pub struct Heard<'a> {
    /// In a reply: the command's id.
    #[serde(default)]
    pub id: Option<u64>,
    /// In an event or signal: the room.
    #[serde(default)]
    pub room: Option<u64>,
    /// In an event: the room's epoch.
    #[serde(default)]
    pub epoch: Option<i64>,
    /// In an event: its number within the epoch.
    #[serde(default)]
    pub seq: Option<u64>,
    /// The frame's type; absent in replies.
    #[serde(default, rename = "type")]
    pub kind: Option<&'a str>,
    /// The frame's data.
    #[serde(default, borrow)]
    pub data: Option<&'a RawValue>,
    /// In a reply: why the command was refused.
    #[serde(default, borrow)]
    pub error: Option<&'a RawValue>,
}

/// The parts of an event that a watcher reads.
#[derive(Debug)]
pub struct Event {
    room: u64,
    epoch: i64,
    seq: u64,
    /// In a chat line: the time at which it should have been sent.
    pub intended: Option<u64>,
    news: News,
}

/// The data of an event.
#[derive(Debug)]
enum News {
    Gifts(Vec<i64>),
    Seats(Seats),
    Other,
    Unreadable(String),
}

impl Event {
    /// The event in this frame; `None` if the frame is no event.
    pub fn of(heard: &Heard<'_>) -> Option<Self> {
        let (room, epoch, seq) = (heard.room?, heard.epoch?, heard.seq?);
        let data = heard.data.map_or("null", RawValue::get);
        let news = match heard.kind {
            Some("gifts.sent") => serde_json::from_str::<Gifts>(data)
                .map(|Gifts { gifts }| News::Gifts(gifts.iter().map(|gift| gift.gift_no).collect())),
            Some("seats.changed") => serde_json::from_str::<Seats>(data).map(News::Seats),
            _ => Ok(News::Other),
        };
        let intended = (heard.kind == Some("chat.posted")).then(|| intended(data)).flatten();
        Some(Self {
            room,
            epoch,
            seq,
            intended,
            news: news.unwrap_or_else(|error| News::Unreadable(error.to_string())),
        })
    }
}

/// The beginning of a chat line that carries its intended time, in nanoseconds.
const TIMED: &str = "\"text\":\"@";

/// The intended time that a chat line carries.
fn intended(data: &str) -> Option<u64> {
    let at = data.find(TIMED)? + TIMED.len();
    let digits = data[at..].bytes().take_while(u8::is_ascii_digit).count();
    data[at..at + digits].parse().ok()
}

/// A chat line that carries its intended time, filled with `filler` to at least `chars` characters.
pub fn timed_line(intended: u64, chars: usize, filler: char) -> String {
    let mut line = format!("@{intended} ");
    line.extend(std::iter::repeat_n(filler, chars.saturating_sub(line.len())));
    line
}

/// The gift numbers in a `gifts.sent` event.
#[derive(Deserialize)]
struct Gifts {
    gifts: Vec<GiftNumber>,
}

#[derive(Deserialize)]
struct GiftNumber {
    gift_no: i64,
}

#[derive(Deserialize, Debug)]
struct Seats {
    seats: Vec<Seat>,
    version: u64,
}

/// One user's view of one room.
#[derive(Debug, Default)]
pub struct Watcher {
    /// The user's name in violations.
    pub name: String,
    /// The room that it watches.
    pub room: u64,
    /// The room's epoch.
    pub epoch: i64,
    /// The number of the last event.
    pub seq: u64,
    /// The number of the last gift that was shown.
    pub gift_no: i64,
    /// The seats by their number.
    pub seats: BTreeMap<u8, Seat>,
    /// The seat map's version.
    pub seat_version: u64,
    /// Joins with a position that were answered with a snapshot.
    pub resyncs: u64,
    /// The reply to the join left gifts out, which must be requested.
    pub more_gifts: bool,
    joined: bool,
    /// The number of the user's present socket.
    line: u64,
}

impl Watcher {
    /// A watcher that has seen nothing yet.
    pub fn new(name: String, room: u64) -> Self {
        Self { name, room, ..Self::default() }
    }

    /// The position that the next join sends; `None` before the first join.
    pub fn position(&self) -> Option<Position> {
        self.joined.then_some(Position { epoch: self.epoch, seq: self.seq, gift_no: Some(self.gift_no) })
    }

    /// Starts a new socket; returns its number and the position for its join. Frames that still arrive on an older
    /// socket are ignored: they are above the position, so they come again.
    pub fn begin(&mut self) -> (u64, Option<Position>) {
        self.line += 1;
        (self.line, self.position())
    }

    /// Whether this is the number of the present socket.
    pub const fn hears(&self, line: u64) -> bool {
        self.line == line
    }

    /// Takes the reply to a join. Returns whether more gifts above `gift_no` must be requested.
    pub fn join(&mut self, joined: &Joined, verdict: &Verdict) -> bool {
        if joined.recovered {
            for event in &joined.events {
                self.text(event.get(), verdict);
            }
            if (self.epoch, self.seq) != (joined.position.epoch, joined.position.seq) {
                verdict.note(Kind::Lost, 1, || {
                    format!("{}: recovered up to {}, said to be at {}", self.name, self.seq, joined.position.seq)
                });
            }
        } else if let Some(snapshot) = &joined.snapshot {
            self.resyncs += u64::from(self.joined);
            if self.joined && joined.position.epoch < self.epoch {
                verdict.note(Kind::Protocol, 1, || format!("{}: the epoch fell", self.name));
            }
            (self.epoch, self.seq) = (joined.position.epoch, joined.position.seq);
            self.seats = snapshot.seats.iter().map(|seat| (seat.no, seat.clone())).collect();
            self.seat_version = snapshot.seat_version;
            if !self.joined {
                self.gift_no = joined.position.gift_no.unwrap_or(0);
            }
        } else {
            verdict.note(Kind::Protocol, 1, || format!("{}: neither recovered nor a snapshot", self.name));
        }
        self.joined = true;
        self.gifts(&joined.gifts, verdict);
        joined.more_gifts
    }

    /// Takes gifts that were requested.
    pub fn gifts(&mut self, gifts: &[GiftLine], verdict: &Verdict) {
        gifts.iter().for_each(|gift| self.show(gift.gift_no, "", verdict));
    }

    fn text(&mut self, text: &str, verdict: &Verdict) {
        match serde_json::from_str::<Heard<'_>>(text) {
            Ok(heard) => {
                if let Some(event) = Event::of(&heard) {
                    self.event(&event, text, verdict);
                }
            }
            Err(error) => verdict.note(Kind::Protocol, 1, || format!("{}: {error}: {}", self.name, quoted(text))),
        }
    }

    /// Takes an event, from the socket or from the reply to a join.
    pub fn event(&mut self, event: &Event, text: &str, verdict: &Verdict) {
        let (epoch, seq) = (event.epoch, event.seq);
        if !self.joined || event.room != self.room || epoch != self.epoch {
            let (name, room, had) = (&self.name, self.room, self.epoch);
            verdict.note(Kind::Protocol, 1, || format!("{name}: in room {room}, epoch {had} came {}", quoted(text)));
            return;
        }
        let next = self.seq + 1;
        if seq > next {
            verdict.note(Kind::Lost, seq - next, || format!("{}: {next} never came: {}", self.name, quoted(text)));
        } else if seq == self.seq {
            verdict.note(Kind::Duplicated, 1, || format!("{}: {seq} came twice: {}", self.name, quoted(text)));
            return;
        } else if seq < self.seq {
            verdict.note(Kind::Reordered, 1, || format!("{}: behind {} came {}", self.name, self.seq, quoted(text)));
            return;
        }
        self.seq = seq;
        match &event.news {
            News::Gifts(gifts) => gifts.iter().for_each(|gift| self.show(*gift, text, verdict)),
            News::Seats(Seats { seats, version }) => {
                if *version <= self.seat_version {
                    let (name, had) = (&self.name, self.seat_version);
                    verdict
                        .note(Kind::SeatMap, 1, || format!("{name}: the map went back from {had}: {}", quoted(text)));
                }
                self.seat_version = *version;
                self.seats.extend(seats.iter().map(|seat| (seat.no, seat.clone())));
            }
            News::Other => {}
            News::Unreadable(error) => verdict.note(Kind::Protocol, 1, || format!("{error}: {}", quoted(text))),
        }
    }

    /// Shows a gift unless its number is at or below the last one. A gap between the two is a gift that was never
    /// shown.
    fn show(&mut self, gift_no: i64, text: &str, verdict: &Verdict) {
        if gift_no <= self.gift_no {
            return;
        }
        if gift_no > self.gift_no + 1 {
            let missing = gift_no.abs_diff(self.gift_no + 1);
            verdict.note(Kind::Gift, missing, || {
                format!("{}: gifts above {} up to {gift_no} were not shown: {}", self.name, self.gift_no, quoted(text))
            });
        }
        self.gift_no = gift_no;
    }
}

fn quoted(text: &str) -> &str {
    text.char_indices().nth(QUOTED).map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(seq: u64) -> String {
        format!(r#"{{"room":1,"epoch":7,"seq":{seq},"at":0,"type":"chat.posted","data":{{"text":"x"}}}}"#)
    }

    fn gifts(seq: u64, numbers: &[i64]) -> String {
        let gifts: Vec<_> = numbers.iter().map(|number| format!(r#"{{"gift_no":{number}}}"#)).collect();
        let gifts = gifts.join(",");
        format!(
            r#"{{"room":1,"epoch":7,"seq":{seq},"at":0,"type":"gifts.sent","data":{{"gifts":[{gifts}],"coins":1}}}}"#
        )
    }

    fn saw(texts: &[String]) -> Verdict {
        let mut watcher = Watcher { epoch: 7, joined: true, ..Watcher::new("Layla".to_owned(), 1) };
        let verdict = Verdict::default();
        texts.iter().for_each(|text| watcher.text(text, &verdict));
        verdict
    }

    #[test]
    fn a_line_carries_its_time() {
        let line = timed_line(12_345, 40, '.');
        assert_eq!(line.len(), 40);
        assert_eq!(timed_line(12_345, 40, 'م').chars().count(), 40);
        assert_eq!(intended(&format!(r#"{{"from":{{"id":1}},"text":"{line}"}}"#)), Some(12_345));
        assert_eq!(intended(r#"{"text":"hello"}"#), None);
    }

    #[test]
    fn each_kind_of_violation_is_recognised() {
        assert!(saw(&[event(1), event(2), gifts(3, &[1, 2]), event(4)]).is_clean());
        let cases = [
            (vec![event(1), event(4)], Kind::Lost, 2),
            (vec![event(1), event(1)], Kind::Duplicated, 1),
            (vec![event(1), event(3), event(2)], Kind::Reordered, 1),
            (vec![gifts(1, &[1]), gifts(2, &[3])], Kind::Gift, 1),
            (vec![event(1).replace("\"epoch\":7", "\"epoch\":6")], Kind::Protocol, 1),
            (vec![event(1).replace("\"room\":1", "\"room\":2")], Kind::Protocol, 1),
            (vec!["{".to_owned()], Kind::Protocol, 1),
        ];
        for (texts, kind, count) in cases {
            let verdict = saw(&texts);
            assert_eq!(verdict.count(kind), count, "{kind:?}: {:?}", verdict.first());
        }
    }
}
