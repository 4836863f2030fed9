//! Empties a recalled line in the ring, so that no client that comes back is given it.

use parlor_protocol::Event;
use parlor_protocol::envelope::EventFrame;

use super::RoomActor;
use crate::delivery::Frame;

impl RoomActor {
    /// The line of this number was recalled. If its event is still in the ring, an event of the same number takes its place:
    /// it says who wrote the line, and has nothing of what was in it.
    pub(super) fn empty_in_ring(&mut self, epoch: i64, seq: u64) {
        if epoch == self.state.epoch() {
            self.ring.replace(seq, emptied);
        }
    }
}

/// The frame of this event of a line without what was in it; `None` if it is the event of something else.
fn emptied(frame: &Frame) -> Option<Frame> {
    let mut event: EventFrame = serde_json::from_str(frame.payload()).ok()?;
    let Event::ChatPosted { text, mentions, reply_to, image, recalled, .. } = &mut event.event else { return None };
    (*text, *mentions, *reply_to, *image, *recalled) = (String::new(), Vec::new(), None, None, true);
    Some(Frame::text(&event.encode()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_emptied_line_keeps_its_number_and_author_and_no_other_event_is_touched() {
        let posted = r#"{"room":104233871,"epoch":7,"seq":44,"at":9,"type":"chat.posted","data":{"from":{"id":901233872,"name":"Amira"},"op":"01990000-0000-7000-8000-000000000005","text":"secret","mentions":[901233871],"reply_to":{"epoch":7,"seq":2},"image":"01990000-0000-7000-8000-000000000009"}}"#;
        let emptied_frame = emptied(&Frame::text(posted)).expect("a line");
        let expected = r#"{"room":104233871,"epoch":7,"seq":44,"at":9,"type":"chat.posted","data":{"from":{"id":901233872,"name":"Amira"},"op":"01990000-0000-7000-8000-000000000005","text":"","recalled":true}}"#;
        assert_eq!(emptied_frame.payload(), expected);
        let other = r#"{"room":104233871,"epoch":7,"seq":45,"at":9,"type":"chat.unmuted","data":{"user":901233872,"by":901233871}}"#;
        assert_eq!(emptied(&Frame::text(other)), None);
    }
}
