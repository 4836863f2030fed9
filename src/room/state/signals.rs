//! What a room tells by signals that may be lost: who types, who speaks, and the reactions below lines. They are merged: at
//! most one signal of each kind goes out in `room.signal_ms`, with the latest of all users. A room in which nobody does any of
//! it keeps nothing of them, and is not woken for them.

use parlor_protocol::chat::Speaker;
use parlor_protocol::room::Person;
use parlor_protocol::{Command, ErrorBody, ErrorCode, Signal, UserId, limit};

use super::rights::Act;
use super::{Change, Decision, RoomState};
use crate::kit::clock::Timestamp;
use crate::room::settings::{Settings, ms};

/// Who types and speaks, and until when that counts; and what of it was not told yet. It is made at the first such command.
#[derive(Clone, Debug, Default)]
pub(super) struct Signals(Option<Box<Live>>);

#[derive(Clone, Debug)]
struct Live {
    typing: Vec<(UserId, Timestamp)>,
    speaking: Vec<(Speaker, Timestamp)>,
    /// The numbers of the lines whose reactions changed.
    reacted: Vec<(i64, u64)>,
    typing_is_news: bool,
    speaking_is_news: bool,
    told_at: Timestamp,
}

impl Live {
    fn is_news(&self) -> bool {
        self.typing_is_news || self.speaking_is_news || !self.reacted.is_empty()
    }

    fn next_end(&self) -> Option<Timestamp> {
        let typing = self.typing.iter().map(|(_, until)| *until);
        typing.chain(self.speaking.iter().map(|(_, until)| *until)).min()
    }
}

impl Signals {
    fn live(&mut self) -> &mut Live {
        self.0.get_or_insert_with(|| {
            Box::new(Live {
                typing: Vec::new(),
                speaking: Vec::new(),
                reacted: Vec::new(),
                typing_is_news: false,
                speaking_is_news: false,
                told_at: Timestamp(i64::MIN),
            })
        })
    }

    /// When something is to be told next; `None` if nothing is new and nobody types or speaks.
    pub(super) fn next_deadline(&self, settings: &Settings) -> Option<Timestamp> {
        let live = self.0.as_ref()?;
        let news = if live.is_news() { Some(Timestamp(i64::MIN)) } else { live.next_end() };
        news.map(|at| at.max(live.told_at.plus_ms(ms(settings.signal_ms))))
    }

    pub(super) fn typed(&mut self, user: UserId, at: Timestamp) {
        let live = self.live();
        live.typing.retain(|(known, _)| *known != user);
        live.typing.push((user, at.plus_ms(ms(limit::TYPING_MS))));
        live.typing_is_news = true;
    }

    pub(super) fn spoke(&mut self, speaker: Speaker, at: Timestamp) {
        let live = self.live();
        live.speaking.retain(|(known, _)| known.user != speaker.user);
        live.speaking.push((speaker, at.plus_ms(ms(limit::SPEAKING_MS))));
        live.speaking_is_news = true;
    }

    pub(super) fn reacted(&mut self, line: (i64, u64)) {
        let live = self.live();
        if !live.reacted.contains(&line) {
            live.reacted.push(line);
        }
    }

    /// The user has posted a line, so they type no more. Clients know that from the line.
    pub(super) fn posted(&mut self, user: UserId) {
        if let Some(live) = &mut self.0 {
            live.typing.retain(|(known, _)| *known != user);
        }
    }

    /// The user has left.
    pub(super) fn forget(&mut self, user: UserId) {
        if let Some(live) = &mut self.0 {
            let before = (live.typing.len(), live.speaking.len());
            live.typing.retain(|(known, _)| *known != user);
            live.speaking.retain(|(known, _)| known.user != user);
            live.typing_is_news |= live.typing.len() != before.0;
            live.speaking_is_news |= live.speaking.len() != before.1;
        }
    }

    /// This was told now.
    pub(super) fn told(&mut self, signal: &Signal, at: Timestamp) {
        let live = self.live();
        live.told_at = at;
        match signal {
            Signal::ChatTyping { .. } => {
                live.typing.retain(|(_, until)| *until > at);
                live.typing_is_news = false;
            }
            Signal::MicSpeaking { .. } => {
                live.speaking.retain(|(_, until)| *until > at);
                live.speaking_is_news = false;
            }
            Signal::ChatReactions { .. } => live.reacted.clear(),
            Signal::ParticipantsCount { .. } => {}
        }
    }

    /// Whether reactions have changed that were not told yet.
    #[cfg(test)]
    pub(super) fn has_reactions_to_tell(&self) -> bool {
        self.0.as_ref().is_some_and(|live| !live.reacted.is_empty())
    }

    fn has_place_to_type(&self, user: UserId) -> bool {
        let Some(live) = &self.0 else { return true };
        live.typing.len() < limit::TYPING || live.typing.iter().any(|(known, _)| *known == user)
    }
}

impl RoomState {
    /// Decides a command that is told by a signal. It changes nothing that a repetition would change twice, so it has no
    /// operation and is not remembered.
    pub(super) fn decide_signal(
        &self,
        caller: &Person,
        command: &Command,
        now: Timestamp,
    ) -> Result<Decision, ErrorBody> {
        let user = caller.id;
        let change = match command {
            Command::ChatTyping(_) => {
                self.check_may_signal(user, now)?;
                self.signals.has_place_to_type(user).then_some(Change::Typed(user))
            }
            Command::ChatReact(on) => {
                self.check_may_signal(user, now)?;
                self.reacted(user, on)?
            }
            Command::MicSpeaking(on) => {
                self.permit(user, Act::Speak, now)?;
                let seat = self.seats.of(user).ok_or(ErrorCode::NotSeated)?;
                let speaker = Speaker { user, level: on.level };
                (!seat.muted && !seat.self_muted).then_some(Change::Spoke(speaker))
            }
            _ => return Err(ErrorBody::new(ErrorCode::BadRequest).message("this is not a command for a room")),
        };
        Ok(Decision::silent(change.into_iter().collect()))
    }

    /// Makes a change of what signals tell.
    pub(super) fn evolve_signal(&mut self, change: &Change, at: Timestamp) {
        match change {
            Change::Typed(user) => self.signals.typed(*user, at),
            Change::Spoke(speaker) => self.signals.spoke(*speaker, at),
            Change::Reacted { user, line, reaction, on } => {
                self.chat.react(*line, *user, *reaction, *on);
                self.signals.reacted(*line);
            }
            Change::Signalled(signal) => self.signals.told(signal, at),
            _ => {}
        }
    }

    /// Refuses a user who may not write here; one who only has to wait in slow mode is not refused.
    fn check_may_signal(&self, user: UserId, now: Timestamp) -> Result<(), ErrorBody> {
        let role = self.permit(user, Act::Chat, now)?;
        self.check_record(user, role, Act::Chat)?;
        self.check_not_muted(user, role, now)
    }

    /// The signals that are due now.
    pub(super) fn due_signals(&self, now: Timestamp) -> Vec<Signal> {
        let is_due = self.signals.next_deadline(&self.settings).is_some_and(|at| at <= now);
        let Some(live) = self.signals.0.as_ref().filter(|_| is_due) else { return Vec::new() };
        let mut signals = Vec::new();
        if live.typing_is_news || live.typing.iter().any(|(_, until)| *until <= now) {
            let users = live.typing.iter().filter(|(_, until)| *until > now).map(|(user, _)| *user);
            signals.push(Signal::ChatTyping { users: users.collect() });
        }
        if live.speaking_is_news || live.speaking.iter().any(|(_, until)| *until <= now) {
            let heard = |user| self.seats.of(user).is_some_and(|seat| !seat.muted && !seat.self_muted);
            let users = live.speaking.iter().filter(|(speaker, until)| *until > now && heard(speaker.user));
            signals.push(Signal::MicSpeaking { users: users.map(|(speaker, _)| *speaker).collect() });
        }
        if !live.reacted.is_empty() {
            let lines = live.reacted.iter().filter_map(|(epoch, seq)| self.chat.reactions(*epoch, *seq));
            signals.push(Signal::ChatReactions { lines: lines.collect() });
        }
        signals
    }
}
