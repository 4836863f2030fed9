//! The ring: the last events of a room as they were sent, for clients that come back.

use std::collections::VecDeque;

use super::settings::{Settings, ms};
use crate::delivery::Frame;
use crate::kit::clock::Timestamp;

/// One event that was sent.
#[derive(Clone, Debug)]
struct Sent {
    seq: u64,
    at: Timestamp,
    frame: Frame,
    /// For an event of gifts, the numbers of the first and of the last one.
    gifts: Option<(i64, i64)>,
}

/// Every event after a position.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Missed {
    /// The events as they were sent, in order.
    pub frames: Vec<Frame>,
    /// The number of the first gift in them; `None` if there is none.
    pub first_gift: Option<i64>,
}

/// The last events of one epoch, without gaps: by default at most 512, of the last 60 s.
#[derive(Debug)]
pub(super) struct Ring {
    sent: VecDeque<Sent>,
    events: usize,
    keep_ms: i64,
    resume_events: usize,
    resume_bytes: usize,
}

impl Ring {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            sent: VecDeque::new(),
            events: settings.ring_events,
            keep_ms: ms(settings.ring_ms),
            resume_events: settings.resume_events,
            resume_bytes: settings.resume_bytes,
        }
    }

    /// Keeps the next event, and forgets the oldest ones that are too old or too many.
    pub(super) fn push(&mut self, seq: u64, at: Timestamp, frame: Frame, gifts: Option<(i64, i64)>) {
        self.sent.push_back(Sent { seq, at, frame, gifts });
        while self.sent.len() > self.events
            || self.sent.front().is_some_and(|first| at.ms_since(first.at) > self.keep_ms)
        {
            self.sent.pop_front();
        }
    }

    /// Puts another frame in the place of the event `seq`, if it is still kept. `change` makes it of the former one.
    pub(super) fn replace(&mut self, seq: u64, change: impl FnOnce(&Frame) -> Option<Frame>) {
        let Some(first) = self.sent.front().map(|first| first.seq) else { return };
        let place = seq.checked_sub(first).and_then(|place| usize::try_from(place).ok());
        if let Some(sent) = place.and_then(|place| self.sent.get_mut(place))
            && let Some(frame) = change(&sent.frame)
        {
            sent.frame = frame;
        }
    }

    /// Every event after `seq` up to `now_seq`, and never only a part of them. `None` if some are no longer kept, if
    /// they are more than a resume may bring, if `seq` is ahead of the room, or if they are not proved to bring every gift
    /// above `gift_no` up to `announced`: the gifts are then read from the table.
    pub(super) fn since(&self, seq: u64, now_seq: u64, gift_no: Option<i64>, announced: i64) -> Option<Missed> {
        let missing = usize::try_from(now_seq.checked_sub(seq)?).ok()?;
        if missing > self.resume_events || missing > self.sent.len() {
            return None;
        }
        let missed = self.sent.range(self.sent.len() - missing..);
        debug_assert!(missed.clone().next().is_none_or(|first| first.seq == seq + 1), "the ring has no gaps");
        if missed.clone().map(|sent| sent.frame.bytes().len()).sum::<usize>() > self.resume_bytes {
            return None;
        }
        let first_gift = missed.clone().find_map(|sent| sent.gifts).map(|(first, _)| first);
        let first_above = first_gift.unwrap_or(announced + 1);
        let mut next = first_above;
        for (first, last) in missed.clone().filter_map(|sent| sent.gifts) {
            if first != next {
                return None;
            }
            next = last + 1;
        }
        if next != announced + 1 || gift_no.is_some_and(|shown| shown.saturating_add(1) < first_above) {
            return None;
        }
        Some(Missed { frames: missed.map(|sent| sent.frame.clone()).collect(), first_gift })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(seq: u64) -> Frame {
        Frame::text(&format!("{seq:0>10}"))
    }

    fn ring(events: u64, settings: &Settings) -> Ring {
        let mut ring = Ring::new(settings);
        for seq in 1..=events {
            ring.push(seq, Timestamp(0), frame(seq), None);
        }
        ring
    }

    #[test]
    fn either_every_missed_event_is_returned_or_none() {
        let ring = ring(600, &Settings::default());
        let since = |seq| ring.since(seq, 600, None, 0).map(|missed| missed.frames.len());
        assert_eq!(since(600), Some(0));
        assert_eq!(since(599), Some(1));
        assert_eq!(since(300), Some(300));
        assert_eq!(since(299), None, "more than a resume brings");
        assert_eq!(since(601), None, "ahead of the room");
        let wide = Settings { resume_events: 1_000, ..Settings::default() };
        let ring = super::tests::ring(600, &wide);
        assert_eq!(ring.since(88, 600, None, 0).map(|missed| missed.frames.len()), Some(512));
        assert_eq!(ring.since(87, 600, None, 0), None, "no longer kept");
        assert_eq!(ring.since(500, 600, None, 0).expect("kept").frames[0], frame(501));
    }

    #[test]
    fn events_older_than_a_minute_are_forgotten() {
        let mut ring = ring(3, &Settings::default());
        ring.push(4, Timestamp(60_001), frame(4), None);
        assert_eq!(ring.since(3, 4, None, 0).map(|missed| missed.frames), Some(vec![frame(4)]));
        assert_eq!(ring.since(2, 4, None, 0), None);
    }

    #[test]
    fn a_resume_is_bounded_in_bytes() {
        let bytes = frame(1).bytes().len();
        let ring = ring(10, &Settings { resume_bytes: 3 * bytes, ..Settings::default() });
        assert!(ring.since(7, 10, None, 0).is_some());
        assert!(ring.since(6, 10, None, 0).is_none());
    }

    #[test]
    fn a_replaced_event_comes_with_its_number_and_in_its_place() {
        let mut ring = ring(600, &Settings::default());
        ring.replace(550, |former| {
            assert_eq!(*former, frame(550));
            Some(Frame::text("emptied"))
        });
        ring.replace(551, |_| None);
        for gone in [0, 88, 601] {
            ring.replace(gone, |_| panic!("{gone} is not kept"));
        }
        let missed = ring.since(548, 600, None, 0).expect("kept").frames;
        assert_eq!(missed[..4], [frame(549), Frame::text("emptied"), frame(551), frame(552)]);
    }

    #[test]
    fn events_that_would_leave_out_a_gift_are_not_returned() {
        let mut ring = ring(2, &Settings::default());
        ring.push(3, Timestamp(0), frame(3), Some((8, 9)));
        assert!(ring.since(2, 3, Some(7), 9).is_some());
        assert!(ring.since(2, 3, Some(6), 9).is_none(), "gift 7 was in an event before the position");
        assert!(ring.since(3, 3, Some(9), 9).is_some());
        assert!(ring.since(3, 3, Some(8), 9).is_none());
        assert!(ring.since(2, 3, None, 9).is_some());
    }

    #[test]
    fn events_between_which_a_gift_is_missing_are_not_returned() {
        let mut ring = ring(2, &Settings::default());
        ring.push(3, Timestamp(0), frame(3), Some((8, 8)));
        ring.push(4, Timestamp(0), frame(4), Some((10, 11)));
        assert!(ring.since(2, 4, Some(7), 11).is_none(), "9 is in no event");
        assert!(ring.since(2, 4, None, 11).is_none(), "nor for a client that counts no gifts");
        assert!(ring.since(3, 4, Some(9), 11).is_some());
        assert!(ring.since(3, 4, Some(9), 12).is_none(), "12 is announced and in no event");
        assert!(ring.since(4, 4, Some(11), 11).is_some());
    }

    #[test]
    fn missed_events_come_with_the_number_of_their_first_gift() {
        let mut ring = ring(2, &Settings::default());
        ring.push(3, Timestamp(0), frame(3), Some((8, 10)));
        ring.push(4, Timestamp(0), frame(4), None);
        ring.push(5, Timestamp(0), frame(5), Some((11, 12)));
        let first = |seq| ring.since(seq, 5, None, 12).expect("kept").first_gift;
        assert_eq!([first(0), first(2), first(3), first(4), first(5)], [Some(8), Some(8), Some(11), Some(11), None]);
    }
}
