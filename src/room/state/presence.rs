//! Who is in the room, and what of that has been announced to the room.
//!
//! The two differ for at most the time for which arrivals are gathered. Snapshots and pages show what has been
//! announced, so that a snapshot and the events after it add up.
//!
//! With more than `named_people` in the room nobody is named any more: a signal tells their number, and snapshots and
//! pages show who is there. When events name people again, the first one names everybody who came or left meanwhile. Of
//! those who came and left again meanwhile, at most [`SHADES`] are kept; a client that was shown more of them must read
//! the pages again.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Bound::{Excluded, Unbounded};

use parlor_protocol::room::Person;
use parlor_protocol::{Event, UserId, limit};

use crate::delivery::ConnectionId;
use crate::kit::clock::Timestamp;
use crate::room::settings::{Settings, ms};
use crate::room::words::{begins, folded};

/// The most users who came and left while nobody was named that are kept until people are named again.
const SHADES: usize = 2_000;
/// The most users who left lately that are kept because they can still be given a gift.
const GONE: usize = 1_024;

/// Up to this many people a count is sent every `count_ms`; with more it is sent less often, in proportion.
const COUNTED: u32 = 4_000;

/// A user in the room, with any number of devices.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Participant {
    pub person: Person,
    pub connections: Vec<ConnectionId>,
    /// Set while the user has no connection: until when their place and seat are kept.
    pub absent_until: Option<Timestamp>,
}

/// Who is in the room, who was announced to be, and who has left lately.
#[derive(Clone, Debug)]
pub(super) struct Presence {
    people: BTreeMap<UserId, Participant>,
    /// The absent users, by the end of their grace period.
    absent: BTreeSet<(Timestamp, UserId)>,
    /// The users who left lately and when, oldest first.
    gone: VecDeque<(Timestamp, Person)>,
    empty_since: Option<Timestamp>,
    /// The people who are in the room as far as events have named them.
    told: BTreeMap<UserId, Person>,
    /// The number of people as last announced, and when that was.
    told_count: u32,
    told_at: Timestamp,
    /// The users whom the next event may have to name.
    touched: BTreeSet<UserId>,
    /// The users who came and left while nobody was named: a snapshot may have shown them.
    shades: BTreeSet<UserId>,
    /// Whether people are only counted at present, and not named.
    counting: bool,
}

impl Presence {
    /// The presence of an empty room.
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            people: BTreeMap::new(),
            absent: BTreeSet::new(),
            gone: VecDeque::new(),
            empty_since: Some(now),
            told: BTreeMap::new(),
            told_count: 0,
            told_at: Timestamp(i64::MIN),
            touched: BTreeSet::new(),
            shades: BTreeSet::new(),
            counting: false,
        }
    }

    /// The presence of which nothing is known but whom events have named.
    pub(super) fn shown(people: &[Person]) -> Self {
        let told = people.iter().map(|person| (person.id, person.clone())).collect();
        Self { told, ..Self::new(Timestamp(0)) }
    }

    /// The people whom events have named, by id.
    pub(super) fn told(&self) -> impl Iterator<Item = &Person> {
        self.told.values()
    }

    /// The presence of a waking room whose members are these, absent until their grace period ends. They count as
    /// announced, because every client of this epoch begins with a snapshot that shows them.
    pub(super) fn absent(people: &[Person], now: Timestamp, until: Timestamp) -> Self {
        let mut presence = Self::new(now);
        for person in people {
            let participant =
                Participant { person: person.clone(), connections: Vec::new(), absent_until: Some(until) };
            presence.people.insert(person.id, participant);
            presence.absent.insert((until, person.id));
            presence.told.insert(person.id, person.clone());
        }
        presence.told_count = presence.count();
        presence.empty_since = presence.people.is_empty().then_some(now);
        presence
    }

    pub(super) fn len(&self) -> usize {
        self.people.len()
    }

    fn count(&self) -> u32 {
        u32::try_from(self.people.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn person(&self, user: UserId) -> Option<&Person> {
        self.people.get(&user).map(|participant| &participant.person)
    }

    pub(super) fn connections(&self, user: UserId) -> &[ConnectionId] {
        self.people.get(&user).map_or(&[], |participant| &participant.connections)
    }

    pub(super) fn has(&self, user: UserId, connection: ConnectionId) -> bool {
        self.connections(user).contains(&connection)
    }

    pub(super) fn participants(&self) -> impl Iterator<Item = &Participant> {
        self.people.values()
    }

    /// The user, if they left so lately that they can still be given a gift.
    pub(super) fn gone(&self, user: UserId, now: Timestamp, settings: &Settings) -> Option<&Person> {
        let lately =
            |(at, person): &&(Timestamp, Person)| person.id == user && now.ms_since(*at) <= ms(settings.gone_ms);
        self.gone.iter().rev().find(lately).map(|(_, person)| person)
    }

    /// The user as the last events that named them did; `None` if none has, or if people are only counted.
    pub(super) fn named(&self, user: UserId) -> Option<&Person> {
        self.told.get(&user).filter(|_| !self.counting)
    }

    /// The user, if they have left and are still kept.
    pub(super) fn left(&self, user: UserId) -> Option<&Person> {
        self.gone.iter().rev().find(|(_, person)| person.id == user).map(|(_, person)| person)
    }

    /// The user has this name and picture from now on, wherever they are known. While people are only counted they are
    /// named again when people are named again.
    pub(super) fn rename(&mut self, person: &Person) {
        if let Some(participant) = self.people.get_mut(&person.id) {
            participant.person.clone_from(person);
        }
        if let Some(told) = self.told.get_mut(&person.id) {
            told.clone_from(person);
        }
        for (_, gone) in self.gone.iter_mut().filter(|(_, gone)| gone.id == person.id) {
            gone.clone_from(person);
        }
        if self.counting && self.people.contains_key(&person.id) {
            self.touch(person.id);
        }
    }

    /// Since when nobody has been in the room; `None` while somebody is.
    pub(super) const fn empty_since(&self) -> Option<Timestamp> {
        self.empty_since
    }

    /// The users whose grace period has ended.
    pub(super) fn overdue(&self, now: Timestamp) -> Vec<UserId> {
        self.absent.iter().take_while(|(until, _)| *until <= now).map(|(_, user)| *user).collect()
    }

    /// The event or the count that is due now, if there is something to announce.
    pub(super) fn due(&self, now: Timestamp, settings: &Settings) -> Option<Told> {
        if self.telling_at(settings).is_none_or(|at| at > now) {
            return None;
        }
        let count = self.count();
        if self.people.len() > settings.named_people {
            return Some(Told::Count(count));
        }
        let mut joined = Vec::new();
        let mut left = Vec::new();
        for user in &self.touched {
            match self.people.get(user) {
                // Users who came while people were only counted are named even if they were named before: they may have
                // left in between, and a snapshot taken then does not show them.
                Some(participant) if self.counting || !self.told.contains_key(user) => {
                    joined.push(participant.person.clone());
                }
                Some(_) => {}
                None if self.told.contains_key(user) || self.shades.contains(user) => left.push(*user),
                None => {}
            }
        }
        Some(Told::Names(Event::ParticipantsChanged { joined, left, count }))
    }

    /// When an event or a count is due; `None` if there is nothing to announce.
    fn telling_at(&self, settings: &Settings) -> Option<Timestamp> {
        let (news, every) = if self.people.len() > settings.named_people {
            // In proportion to the number of people, so that the frames sent per second do not grow with it.
            let every = settings.count_ms * u64::from(self.count().max(COUNTED)) / u64::from(COUNTED);
            (!self.counting || self.count() != self.told_count, every)
        } else {
            let news = self.counting || self.count() != self.told_count || !self.touched.is_empty();
            (news, settings.presence_ms)
        };
        news.then(|| self.told_at.plus_ms(ms(every)))
    }

    /// Notes that a user came or left and has to be named, unless what was announced is true again and no client can
    /// have seen anything else.
    fn touch(&mut self, user: UserId) {
        let (there, told) = (self.people.contains_key(&user), self.told.contains_key(&user));
        let seen = if self.counting { there || told || self.shades.contains(&user) } else { there != told };
        if seen {
            self.touched.insert(user);
        } else {
            self.touched.remove(&user);
        }
    }

    pub(super) fn next_deadline(&self, settings: &Settings) -> Option<Timestamp> {
        let grace = self.absent.first().map(|(until, _)| *until);
        grace.into_iter().chain(self.telling_at(settings)).min()
    }

    /// The number of people as last announced.
    pub(super) const fn told_count(&self) -> u32 {
        self.told_count
    }

    /// Whether people are only counted at present, and not named.
    pub(super) const fn is_counting(&self) -> bool {
        self.counting
    }

    /// One page of the people whose id is above `after`, in the order of their ids, and whether there are more.
    pub(super) fn page(&self, after: Option<UserId>) -> (Vec<Person>, bool) {
        let above = (after.map_or(Unbounded, Excluded), Unbounded);
        let mut people: Vec<Person> = if self.counting {
            let there = self.people.range(above).map(|(_, participant)| &participant.person);
            there.take(limit::PEOPLE_PAGE + 1).cloned().collect()
        } else {
            self.told.range(above).map(|(_, person)| person).take(limit::PEOPLE_PAGE + 1).cloned().collect()
        };
        let more = people.len() > limit::PEOPLE_PAGE;
        people.truncate(limit::PEOPLE_PAGE);
        (people, more)
    }

    /// One page of the people above this id whose name begins with this text, whatever its case and marks, or whose id it
    /// is; and whether there are more. Each name is looked at once, most of them only at its first letter.
    pub(super) fn found(&self, after: Option<UserId>, search: &str) -> (Vec<Person>, bool) {
        let (beginning, id) = (folded(search), search.parse().ok().and_then(UserId::new));
        let above = (after.map_or(Unbounded, Excluded), Unbounded);
        let fits = |person: &&Person| id == Some(person.id) || begins(&person.name, &beginning);
        let mut people: Vec<Person> = if self.counting {
            let there = self.people.range(above).map(|(_, participant)| &participant.person);
            there.filter(fits).take(limit::PEOPLE_PAGE + 1).cloned().collect()
        } else {
            self.told
                .range(above)
                .map(|(_, person)| person)
                .filter(fits)
                .take(limit::PEOPLE_PAGE + 1)
                .cloned()
                .collect()
        };
        let more = people.len() > limit::PEOPLE_PAGE;
        people.truncate(limit::PEOPLE_PAGE);
        (people, more)
    }

    /// Whether the first page of people changes when this user joins. While people are named it changes only when they
    /// are announced.
    pub(super) fn page_shows(&self, person: &Person) -> bool {
        let known = self.people.get(&person.id).map(|participant| &participant.person);
        self.counting && known != Some(person) && self.is_within_page(person.id)
    }

    /// Whether the first page of people changes when this user leaves.
    pub(super) fn page_has(&self, user: UserId) -> bool {
        self.counting && self.people.contains_key(&user) && self.is_within_page(user)
    }

    fn is_within_page(&self, user: UserId) -> bool {
        self.people.keys().nth(limit::PEOPLE_PAGE - 1).is_none_or(|last| user <= *last)
    }

    pub(super) fn attach(&mut self, person: &Person, connection: ConnectionId) {
        self.empty_since = None;
        self.shades.remove(&person.id);
        let is_new = !self.people.contains_key(&person.id);
        let participant = self.people.entry(person.id).or_insert_with(|| Participant {
            person: person.clone(),
            connections: Vec::new(),
            absent_until: None,
        });
        participant.person.clone_from(person);
        if let Some(until) = participant.absent_until.take() {
            self.absent.remove(&(until, person.id));
        }
        if !participant.connections.contains(&connection) {
            participant.connections.push(connection);
        }
        if is_new {
            self.touch(person.id);
        }
    }

    pub(super) fn detach(&mut self, user: UserId, connection: ConnectionId, absent_until: Timestamp) {
        let Some(participant) = self.people.get_mut(&user) else { return };
        participant.connections.retain(|known| *known != connection);
        if participant.connections.is_empty() && participant.absent_until.is_none() {
            participant.absent_until = Some(absent_until);
            self.absent.insert((absent_until, user));
        }
    }

    /// Moves the end of every grace period to this time.
    pub(super) fn renew_grace(&mut self, until: Timestamp) {
        for (_, user) in std::mem::take(&mut self.absent) {
            if let Some(participant) = self.people.get_mut(&user) {
                participant.absent_until = Some(until);
                self.absent.insert((until, user));
            }
        }
    }

    pub(super) fn depart(&mut self, user: UserId, at: Timestamp, settings: &Settings) {
        let Some(participant) = self.people.remove(&user) else { return };
        if let Some(until) = participant.absent_until {
            self.absent.remove(&(until, user));
        }
        if self.counting && !self.told.contains_key(&user) && self.shades.len() < SHADES {
            self.shades.insert(user);
        }
        self.touch(user);
        self.gone.push_back((at, participant.person));
        while self.gone.len() > GONE
            || self.gone.front().is_some_and(|(left, _)| at.ms_since(*left) > ms(settings.gone_ms))
        {
            self.gone.pop_front();
        }
        self.empty_since = self.people.is_empty().then_some(at);
    }

    pub(super) fn told_names(&mut self, joined: &[Person], left: &[UserId], count: u32, at: Timestamp) {
        for person in joined {
            self.told.insert(person.id, person.clone());
        }
        for user in left {
            self.told.remove(user);
        }
        self.touched.clear();
        self.shades.clear();
        self.counting = false;
        self.told_count = count;
        self.told_at = at;
    }

    pub(super) fn told_count_of(&mut self, count: u32, at: Timestamp) {
        self.counting = true;
        self.told_count = count;
        self.told_at = at;
    }
}

/// What is announced to the room.
pub(super) enum Told {
    /// An event that names who came and left.
    Names(Event),
    /// The number of people.
    Count(u32),
}
