//! Who may write in the chat, and how often: mutes of single users, the mute of everybody, and slow mode.
//!
//! When a user wrote last is known since slow mode was set. A checkpoint keeps it for those whose wait is not over, the last
//! [`KEPT`] of them, so that a restart lets nobody else write earlier.

use std::collections::{HashMap, VecDeque};

use parlor_protocol::command::{MuteChat, SetChatRules};
use parlor_protocol::room::ChatRules;
use parlor_protocol::{ErrorBody, ErrorCode, Event, UserId};

use super::bans::list_full;
use super::rights::{self, Act, Role};
use super::terms::Terms;
use super::{RoomState, ms};
use crate::kit::clock::Timestamp;
use crate::room::facts::Fact;

/// The most users whose last line is known while the chat is slow; beyond it the oldest line is forgotten.
const SPOKEN: usize = 16_384;

/// The most users whose last line a checkpoint keeps: those who wrote last.
const KEPT: usize = 1_000;

/// What keeps the chat quiet.
#[derive(Clone, Debug, Default)]
pub(super) struct Quiet {
    pub(super) rules: ChatRules,
    pub(super) mutes: Terms,
    /// When each user wrote last, as long as that counts. Empty unless the chat is slow.
    spoken: HashMap<UserId, Timestamp>,
    /// The same, oldest first.
    order: VecDeque<(Timestamp, UserId)>,
}

impl Quiet {
    /// `spoken` is what a checkpoint has [`kept`](Self::kept).
    pub(super) fn woken(
        rules: ChatRules,
        mutes: &[(UserId, Option<i64>)],
        spoken: &[(UserId, i64)],
        now: Timestamp,
    ) -> Self {
        let mut quiet = Self { rules, mutes: Terms::woken(mutes, now), ..Self::default() };
        if rules.slow_mode_s > 0 {
            for (user, age_ms) in spoken.iter().take(KEPT) {
                quiet.note(*user, now.plus_ms(-(*age_ms).clamp(0, quiet.slow_ms())));
            }
        }
        quiet
    }

    /// Who must still wait before they write again, oldest first, with the milliseconds since their last line: an age and not a
    /// time, because the clock may be another one when the room wakes.
    pub(super) fn kept(&self, now: Timestamp) -> Vec<(UserId, i64)> {
        let ages = self.order.iter().map(|(at, user)| (*user, now.ms_since(*at)));
        let waits: Vec<_> = ages.filter(|(_, age_ms)| *age_ms < self.slow_ms()).collect();
        waits[waits.len().saturating_sub(KEPT)..].to_vec()
    }

    /// The rules are these from now on. Waits begin anew if slow mode is another one.
    pub(super) fn set(&mut self, rules: ChatRules) {
        if rules.slow_mode_s != self.rules.slow_mode_s {
            (self.spoken, self.order) = (HashMap::new(), VecDeque::new());
        }
        self.rules = rules;
    }

    fn check(&self, user: UserId, now: Timestamp) -> Result<(), ErrorBody> {
        self.check_not_muted(user, now)?;
        if self.rules.slow_mode_s > 0
            && let Some(last) = self.spoken.get(&user)
            && let Ok(wait_ms @ 1..) = u64::try_from(self.slow_ms() - now.ms_since(*last))
        {
            return Err(ErrorBody::new(ErrorCode::SlowMode).retry_after_ms(wait_ms));
        }
        Ok(())
    }

    fn check_not_muted(&self, user: UserId, now: Timestamp) -> Result<(), ErrorBody> {
        if self.rules.muted {
            return Err(ErrorBody::muted(None));
        }
        if let Some(until) = self.mutes.term(user, now) {
            return Err(ErrorBody::muted(until.map(|until| until.0)));
        }
        Ok(())
    }

    fn slow_ms(&self) -> i64 {
        ms(u64::from(self.rules.slow_mode_s) * 1_000)
    }

    fn note(&mut self, user: UserId, at: Timestamp) {
        while let Some((last, oldest)) = self.order.front().copied()
            && (at.ms_since(last) >= self.slow_ms() || self.order.len() >= SPOKEN)
        {
            self.order.pop_front();
            // The user may have written again since.
            if self.spoken.get(&oldest) == Some(&last) {
                self.spoken.remove(&oldest);
            }
        }
        self.spoken.insert(user, at);
        self.order.push_back((at, user));
    }
}

impl RoomState {
    /// Refuses a line of a user who may not write now.
    pub(super) fn check_may_write(&self, user: UserId, role: Role, now: Timestamp) -> Result<(), ErrorBody> {
        if rights::may(role, Act::ChatFreely) { Ok(()) } else { self.quiet.check(user, now) }
    }

    /// Refuses a user who is muted in the chat, with everybody or alone.
    pub(super) fn check_not_muted(&self, user: UserId, role: Role, now: Timestamp) -> Result<(), ErrorBody> {
        if rights::may(role, Act::ChatFreely) { Ok(()) } else { self.quiet.check_not_muted(user, now) }
    }

    /// Notes that a user wrote a line now, if the chat is slow for them.
    pub(super) fn note_spoken(&mut self, user: UserId, at: Timestamp) {
        if self.quiet.rules.slow_mode_s > 0 && !rights::may(self.role(user), Act::ChatFreely) {
            self.quiet.note(user, at);
        }
    }

    pub(super) fn decide_mute(&self, mute: &MuteChat, by: Role, now: Timestamp) -> Result<Fact, ErrorBody> {
        if !rights::may(by, Act::kick(self.role(mute.user))) {
            let words = "the owner cannot be muted, and an admin only by the owner";
            return Err(ErrorBody::new(ErrorCode::Forbidden).message(words));
        }
        if self.quiet.mutes.is_full_for(mute.user, now) {
            return Err(list_full("mutes"));
        }
        let until = mute.duration_ms.map(|duration_ms| now.plus_ms(ms(duration_ms)).0);
        Ok(Fact::ChatMuted { user: mute.user, until })
    }

    /// The rules after this command, in which what is absent stays.
    pub(super) fn decide_chat_rules(&self, set: &SetChatRules) -> Fact {
        let before = self.quiet.rules;
        let rules = ChatRules {
            muted: set.muted.unwrap_or(before.muted),
            slow_mode_s: set.slow_mode_s.unwrap_or(before.slow_mode_s),
        };
        Fact::ChatRules { rules }
    }

    /// The event by which a user may write again; `None` if they are not muted.
    pub(super) fn unmuted(&self, user: UserId, by: UserId) -> Option<Event> {
        self.quiet.mutes.put_for(user).map(|_| Event::ChatUnmuted { user, by })
    }

    /// The event by which the rules are these; `None` if they are so already.
    pub(super) fn chat_rules_changed(&self, rules: ChatRules, by: UserId) -> Option<Event> {
        (rules != self.quiet.rules).then_some(Event::ChatRulesChanged { rules, by })
    }
}
