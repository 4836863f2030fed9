//! The rules of accounts, sign-in and sessions. The caller opens and commits the transaction.

use std::net::IpAddr;
use std::sync::Arc;

use parlor_protocol::room::Person;
use parlor_protocol::{ErrorBody, ErrorCode, RoomId, UserId};
use sqlx::PgConnection;
use uuid::Uuid;

use super::code::{self, Proof};
use super::contact::AccountContact;
use super::device::{Guesser, KnownDevice};
use super::keyed::ContactKey;
use super::password::{Hashing, Passwords};
use super::revocation;
use super::session::{self, Grant, Lifetimes, Opened};
use super::shown::Changes;
use super::{
    Access, Contact, CurrentUser, Keys, Permission, Session, Settings, Token, Wallets, guess, profile, role, store,
    suspension, throttle,
};
use crate::courier::Courier;
use crate::db::Lookup;
use crate::kit::chance::Chance;
use crate::kit::clock::Timestamp;
use crate::kit::edge::{Edge, Reads};
use crate::kit::error::{Error, Result};
use crate::kit::limit::{Limit, holder};
use crate::kit::supervise::Supervisor;
use crate::kit::tx::Tx;
use crate::kit::usage::{self, Bound};

/// How many random ids are tried for an account. Ids are seldom taken, so if all of these are, something else is wrong.
const ID_TRIES: u32 = 8;
/// The most sessions that are deleted at once, so that a sweep is short.
const SESSIONS_AT_ONCE: i64 = 10_000;
/// The kind of the allowance of registrations.
const REGISTRATIONS: &str = "registration";

/// The service of accounts, sign-in and tokens. It is cheap to clone and is part of the routes' state.
#[derive(Clone)]
pub struct Identity(pub(super) Arc<Inner>);

pub(super) struct Inner {
    /// Reads permissions and suspensions for requests. Nothing is written by it.
    reads: Reads,
    pub(super) settings: Settings,
    pub(super) courier: Courier,
    /// The key of the keyed hashes of contacts and codes.
    pub(super) key: ContactKey,
    keys: Keys,
    sessions: Lookup<(Uuid, UserId), Session>,
    pub(super) passwords: Passwords,
    wallets: Box<dyn Wallets>,
    /// By contact and by who attempts, both as keyed hashes.
    pub(super) attempts: Limit<(Vec<u8>, Vec<u8>)>,
    /// Requests of known devices, by device.
    devices: Limit<[u8; 16]>,
    pub(super) sign_ins: Limit<IpAddr>,
    pub(super) codes: Limit<IpAddr>,
    registrations: Limit<IpAddr>,
    pub(super) refreshes: Limit<IpAddr>,
    pub(super) requests: Limit<UserId>,
    pub(super) changes_allowed: Limit<UserId>,
    pub(super) changes: Changes,
    pub(super) lifetimes: Lifetimes,
}

/// An account that is to be made. It has a phone number or an e-mail address, or both.
#[derive(Clone)]
pub struct NewAccount {
    /// The phone number.
    pub phone: Option<Contact>,
    /// The e-mail address.
    pub email: Option<Contact>,
    /// The password, which has been checked for weakness.
    pub password: String,
    /// The display name, 1 to 40 characters.
    pub name: String,
    /// The client's name for its device.
    pub device: String,
    /// A code that was sent to the phone number, or to the e-mail address if there is no phone number. It takes the
    /// address from an account that has not proven it.
    pub code: Option<String>,
}

/// A user with a valid access token whose session has not ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignedIn {
    /// The session's id.
    pub session: Uuid,
    /// The user.
    pub user: Person,
    /// Until when the access token holds.
    pub expires_at: Timestamp,
}

/// The look-up of sessions for sockets and requests. It asks for many at once when many users come back together.
fn sessions(reads: Reads, supervisor: &Supervisor) -> Lookup<(Uuid, UserId), Session> {
    Lookup::start("look-up of sessions", supervisor, move |asked: Vec<(Uuid, UserId)>| {
        let reads = reads.clone();
        async move { store::sessions_of(&mut *reads.conn().await?, &asked).await }
    })
}

impl Identity {
    /// Starts the service: checks the permissions of the database, reads the keys and makes those that are missing. The
    /// periodic jobs are in [`Identity::kinds`].
    ///
    /// # Errors
    /// `internal` if code and database have different permissions; a fault or an outage of the store.
    pub async fn start(
        edge: &Edge,
        settings: &Settings,
        wallets: impl Wallets,
        courier: Courier,
        supervisor: &Supervisor,
    ) -> Result<Self> {
        let mut tx = edge.begin().await?;
        role::agree(&mut tx).await?;
        let key = code::store::contact_key(&mut tx, &edge.chance().bytes::<32>()).await?;
        tx.commit().await?;
        Ok(Self(Arc::new(Inner {
            settings: settings.clone(),
            courier,
            key: ContactKey::new(key),
            keys: Keys::load(edge, settings.clone()).await?,
            sessions: sessions(edge.reads(), supervisor),
            reads: edge.reads(),
            passwords: Passwords::new(settings.hashes_at_once(), settings.hash_queue, supervisor.crew()),
            wallets: Box::new(wallets),
            attempts: Limit::per_minute(settings.attempts_per_minute_account),
            devices: Limit::per_minute(settings.attempts_per_minute_account),
            sign_ins: Limit::per_minute(settings.sign_ins_per_minute_address),
            codes: Limit::per_minute(settings.codes_per_minute_address),
            registrations: Limit::per_minute(settings.registrations_per_minute_address),
            refreshes: Limit::per_minute(settings.refreshes_per_minute_address),
            requests: Limit::per_minute(settings.requests_per_minute_user),
            changes_allowed: Limit::per_minute(settings.changes_per_minute_user),
            changes: Changes::default(),
            lifetimes: settings.into(),
        })))
    }

    /// The keys that sign and verify tokens.
    pub fn keys(&self) -> &Keys {
        &self.0.keys
    }

    pub(super) fn passwords(&self) -> &Passwords {
        &self.0.passwords
    }

    pub(super) fn wallets(&self) -> &dyn Wallets {
        &*self.0.wallets
    }

    /// Counts an attempt to register, for the network address and for each contact; `rate_limited` if there were too
    /// many.
    pub(super) fn admit_registration(&self, from: IpAddr, account: &NewAccount) -> Result<()> {
        self.0.registrations.check(&holder(from))?;
        let by = Guesser::stranger(&self.0.key, from).key;
        let mut contacts = account.phone.iter().chain(&account.email);
        contacts.try_for_each(|contact| self.0.attempts.check(&(self.0.key.hash(&[contact.as_str()]), by.clone())))
    }

    /// The device of a token that a client sent, if it is one of this server's.
    pub(super) fn known_device(&self, token: Option<&str>, now: Timestamp) -> Option<KnownDevice> {
        KnownDevice::read(&self.0.key, token?, now)
    }

    /// Counts a request of somebody who is not signed in, before the account is looked up: for the device of a token, or
    /// else for the network address; `rate_limited` if there were too many. So nobody else at its address keeps a known
    /// device out. Once the account is known, the caller calls [`Identity::admit_guesser`].
    pub(super) fn admit(&self, addresses: &Limit<IpAddr>, from: IpAddr, device: Option<&KnownDevice>) -> Result<()> {
        match device {
            Some(device) => self.0.devices.check(&device.id()),
            None => addresses.check(&holder(from)),
        }
    }

    /// Counts a request for the network address too, if its token is that of another account's device; `rate_limited` if
    /// there were too many. Otherwise whoever has an account could pass every limit of an address, with a token of each
    /// sign-in.
    pub(super) fn admit_guesser(
        &self,
        addresses: &Limit<IpAddr>,
        from: IpAddr,
        device: Option<&KnownDevice>,
        guesser: &Guesser,
    ) -> Result<()> {
        if device.is_some() && !guesser.known { addresses.check(&holder(from)) } else { Ok(()) }
    }

    /// The contact as the account has it that is meant. An account with the form of an older version comes first: its
    /// owner has nothing else to write, and nobody else can take that form any more.
    pub(super) async fn stored_as<'a>(
        &self,
        conn: &mut PgConnection,
        login: &'a AccountContact,
    ) -> Result<&'a Contact> {
        match &login.before {
            Some(before) if store::account(conn, before).await?.is_some() => Ok(before),
            _ => Ok(&login.contact),
        }
    }

    /// Who tries a password or a code of this contact.
    pub(super) async fn guesser(
        &self,
        conn: &mut PgConnection,
        contact: &Contact,
        from: IpAddr,
        device: Option<&KnownDevice>,
    ) -> Result<Guesser> {
        let account = store::account(conn, contact).await?;
        let account = account.as_ref().map(|account| (account.user.id, account.password_hash.as_str()));
        Ok(Guesser::of(&self.0.key, device, account, from))
    }

    /// Counts an account that is made from this network address; `rate_limited` if there were too many in the last hour.
    pub(super) async fn count_registration(&self, tx: &mut Tx, from: IpAddr) -> Result<()> {
        match self.registrations_of(from) {
            Some((key, bounds)) => usage::spend(tx, REGISTRATIONS, &key, 0, &bounds).await,
            None => Ok(()),
        }
    }

    /// Whether an account may be made from this network address now; nothing is counted.
    pub(super) async fn may_register(&self, conn: &mut PgConnection, from: IpAddr) -> Result<()> {
        match self.registrations_of(from) {
            Some((key, bounds)) => usage::check(conn, REGISTRATIONS, &key, 0, &bounds).await,
            None => Ok(()),
        }
    }

    fn registrations_of(&self, from: IpAddr) -> Option<(Vec<u8>, [Bound; 1])> {
        let most = self.0.settings.registrations_per_hour_address;
        (most > 0).then(|| (Guesser::stranger(&self.0.key, from).key, [Bound::times(most, usage::HOUR_MS)]))
    }

    /// Makes an account with a signature, a wallet and its first session. A contact that was proven is taken from an
    /// account that has not proven it.
    ///
    /// # Errors
    /// `account_exists`; `code_invalid` if another call has used the code.
    pub(super) async fn open_account(
        &self,
        tx: &mut Tx,
        account: &NewAccount,
        password_hash: &str,
        proven: Option<(&Proof, &Contact)>,
        (now, chance): (Timestamp, &Chance),
    ) -> Result<Opened> {
        if let Some((proof, contact)) = proven {
            proof.use_up(tx).await?;
            code::store::release(tx, contact, None).await?;
        }
        let id = insert_account(tx, account, password_hash, chance).await?;
        if let Some((_, contact)) = proven {
            code::store::put_contact(tx, id, contact).await?;
        }
        self.0.wallets.open(tx, id).await?;
        let user = Person::named(id, account.name.clone());
        session::open(tx, user, &account.device, self.0.lifetimes, (now, chance)).await
    }

    /// Opens a session for a user whose password was right.
    ///
    /// # Errors
    /// `suspended`; `invalid_credentials` if the password has been changed since it was checked.
    pub(super) async fn open_session(
        &self,
        tx: &mut Tx,
        user: Person,
        password_hash: &str,
        device: &str,
        (now, chance): (Timestamp, &Chance),
    ) -> Result<Opened> {
        // A suspension is told only to somebody with the right password.
        suspension::refuse(tx, user.id).await?;
        // A password reset that came meanwhile has ended all sessions, so the old password must not open another one.
        if !code::store::still_holds(tx, user.id, password_hash).await? {
            return Err(Error::new(ErrorCode::InvalidCredentials));
        }
        session::make_room(tx, user.id, self.0.settings.sessions_user).await?;
        session::open(tx, user, device, self.0.lifetimes, (now, chance)).await
    }

    /// The tokens of a session that has been committed.
    pub(super) fn granted(&self, opened: Opened, now: Timestamp) -> Result<Grant> {
        let Opened { user, session, refresh } = opened;
        let access = self.0.keys.sign_access(user.id, session, now)?;
        let access_ms = access.expires_at.ms_since(now);
        Ok(Grant { access, access_ms, refresh, user, device: None })
    }

    /// Counts a REST request of this user; `rate_limited` if there were too many.
    pub fn count(&self, user: UserId) -> Result<()> {
        self.0.requests.check(&user)
    }

    /// The user of an access token, for REST; an error if the session has ended.
    pub async fn current_user(&self, access: Access) -> Result<CurrentUser> {
        let signed_in = self.standing(access).await?;
        Ok(CurrentUser { id: access.user, session: signed_in.session })
    }

    /// The user of an access token whose session has not ended.
    ///
    /// # Errors
    /// `suspended`; `unauthenticated` if the session has ended.
    pub async fn standing(&self, access: Access) -> Result<SignedIn> {
        match self.0.sessions.get((access.session, access.user)).await? {
            Some(Session { user, revoked: false, suspended: false }) => {
                Ok(SignedIn { session: access.session, user, expires_at: access.expires_at })
            }
            // The suspension has ended the sessions, but a user who was signed in is told about the suspension.
            Some(Session { user, suspended: true, .. }) => {
                suspension::refuse(&mut *self.0.reads.conn().await?, user.id).await?;
                Err(Error::new(ErrorCode::Unauthenticated))
            }
            _ => {
                Err(ErrorBody::new(ErrorCode::Unauthenticated).message("this session has ended: sign in again").into())
            }
        }
    }

    /// How many passwords are being hashed and wait now.
    pub fn hashing(&self) -> Hashing {
        self.0.passwords.figures()
    }

    /// The age in years that a birthday must show.
    pub(super) fn minimum_age(&self) -> u32 {
        self.0.settings.minimum_age
    }

    /// Checks that a user has this permission now; `forbidden` if not.
    pub async fn require(&self, user: UserId, permission: Permission) -> Result<()> {
        role::require(&mut *self.0.reads.conn().await?, user, permission).await
    }

    /// Signs a token that admits this user to this room.
    pub fn room_token(&self, user: UserId, room: RoomId, now: Timestamp) -> Result<Token> {
        self.0.keys.sign_room(user, room, now)
    }

    /// Deletes old revocations, expired codes, and what was counted longer ago than it counts.
    pub(super) async fn forget(&self, tx: &mut Tx) -> Result<()> {
        revocation::sweep(tx).await?;
        code::store::delete_expired(tx).await?;
        code::store::delete_tries_of_no_code(tx).await?;
        guess::sweep(tx).await?;
        session::delete_ended(tx, SESSIONS_AT_ONCE).await?;
        usage::sweep(tx).await?;
        throttle::sweep(tx).await
    }

    /// Drops from this node's rate limits the users and addresses whose allowance is full again.
    pub(super) fn sweep_limits(&self) {
        self.0.attempts.sweep();
        self.0.devices.sweep();
        self.0.codes.sweep();
        self.0.sign_ins.sweep();
        self.0.registrations.sweep();
        self.0.refreshes.sweep();
        self.0.requests.sweep();
        self.0.changes_allowed.sweep();
    }
}

/// Inserts the account under a random id that nobody has, and gives it a signature.
pub(super) async fn insert_account(
    tx: &mut Tx,
    account: &NewAccount,
    password_hash: &str,
    chance: &Chance,
) -> Result<UserId> {
    let (phone, email) = (account.phone.as_ref().map(Contact::as_str), account.email.as_ref().map(Contact::as_str));
    for attempt in 0..ID_TRIES {
        let id = unused_id(chance, attempt);
        if let Some(id) = store::insert_user(tx, id, phone, email, password_hash, &account.name).await? {
            profile::service::give_signature(tx, chance, id, false).await?;
            return Ok(id);
        }
    }
    Err(Error::internal("no unused id was found for an account"))
}

/// A random id of nine digits; with every second attempt it may have one more digit.
fn unused_id(chance: &Chance, attempt: u32) -> i64 {
    let top = 1_000_000_000 * 10_i64.pow(attempt / 2);
    chance.in_range(100_000_000..top)
}
