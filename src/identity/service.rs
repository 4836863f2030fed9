//! Accounts, sign-in and sessions: the rules. Whoever calls has opened the transaction and commits it.

use std::net::IpAddr;
use std::sync::Arc;

use parlor_protocol::room::Person;
use parlor_protocol::{ErrorBody, ErrorCode, RoomId, UserId};
use uuid::Uuid;

use super::code::{self, Proof};
use super::keyed::ContactKey;
use super::password::{Hashing, Passwords};
use super::revocation;
use super::session::{self, Grant, Lifetimes, Opened};
use super::{
    Access, Contact, CurrentUser, Keys, Permission, Session, Settings, Token, Wallets, profile, role, store,
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

/// Tries at an id before it is clear that something else is wrong; one in a million numbers is taken.
const ID_TRIES: u32 = 8;

/// Accounts, sign-in and tokens. Cheap to clone; a part of the state of routes.
#[derive(Clone)]
pub struct Identity(pub(super) Arc<Inner>);

pub(super) struct Inner {
    /// For what is looked up at every request; nothing is written by it.
    reads: Reads,
    pub(super) settings: Settings,
    pub(super) courier: Courier,
    /// Of keyed hashes.
    pub(super) key: ContactKey,
    keys: Keys,
    sessions: Lookup<(Uuid, UserId), Session>,
    pub(super) passwords: Passwords,
    wallets: Box<dyn Wallets>,
    attempts: Limit<Contact>,
    pub(super) sign_ins: Limit<IpAddr>,
    pub(super) codes: Limit<IpAddr>,
    registrations: Limit<IpAddr>,
    pub(super) refreshes: Limit<IpAddr>,
    pub(super) requests: Limit<UserId>,
    pub(super) lifetimes: Lifetimes,
}

/// Who wants an account. At least one of phone and e-mail.
#[derive(Clone)]
pub struct NewAccount {
    /// By phone.
    pub phone: Option<Contact>,
    /// By e-mail.
    pub email: Option<Contact>,
    /// Checked for weakness already.
    pub password: String,
    /// The display name, 1 to 40 characters.
    pub name: String,
    /// What the client calls its device.
    pub device: String,
    /// A code that was sent to the phone, or to the e-mail address where there is no phone: who proves an
    /// address takes it over from whoever has not.
    pub code: Option<String>,
}

/// A sign-in that holds: who, by which session, until when the token does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignedIn {
    /// By which session.
    pub session: Uuid,
    /// Who.
    pub user: Person,
    /// Until when the token holds.
    pub expires_at: Timestamp,
}

/// Sessions as sockets and requests ask for them: many at a time, when a crowd comes back.
fn sessions(reads: Reads, supervisor: &Supervisor) -> Lookup<(Uuid, UserId), Session> {
    Lookup::start("look-up of sessions", supervisor, move |asked: Vec<(Uuid, UserId)>| {
        let reads = reads.clone();
        async move { store::sessions_of(&mut *reads.conn().await?, &asked).await }
    })
}

impl Identity {
    /// Reads the keys, making those that are missing. What is done again and again is in [`Identity::kinds`].
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
            passwords: Passwords::new(settings.hash_permits, settings.hash_queue, supervisor.crew()),
            wallets: Box::new(wallets),
            attempts: Limit::per_minute(settings.attempts_per_minute_account),
            sign_ins: Limit::per_minute(settings.sign_ins_per_minute_address),
            codes: Limit::per_minute(settings.codes_per_minute_address),
            registrations: Limit::per_minute(settings.registrations_per_minute_address),
            refreshes: Limit::per_minute(settings.refreshes_per_minute_address),
            requests: Limit::per_minute(settings.requests_per_minute_user),
            lifetimes: settings.into(),
        })))
    }

    /// The keys of both kinds of tokens.
    pub fn keys(&self) -> &Keys {
        &self.0.keys
    }

    pub(super) fn passwords(&self) -> &Passwords {
        &self.0.passwords
    }

    pub(super) fn wallets(&self) -> &dyn Wallets {
        &*self.0.wallets
    }

    /// Counts a try at registering, for its address and for each contact.
    pub(super) fn admit_registration(&self, from: IpAddr, account: &NewAccount) -> Result<()> {
        self.0.registrations.check(&holder(from))?;
        account.phone.iter().chain(&account.email).try_for_each(|contact| self.0.attempts.check(contact))
    }

    /// Counts a try at signing in, for its address and for the contact.
    pub(super) fn admit_sign_in(&self, from: IpAddr, login: &Contact) -> Result<()> {
        self.0.sign_ins.check(&holder(from))?;
        self.0.attempts.check(login)
    }

    /// Makes an account with what it begins with, and its first session. Who proves a contact takes it over
    /// from whoever has not.
    ///
    /// # Errors
    /// `account_exists`; `code_invalid` where another call has used the code up.
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
        let user = Person { id, name: account.name.clone() };
        session::open(tx, user, &account.device, self.0.lifetimes, (now, chance)).await
    }

    /// Opens a session for somebody whose password was right.
    ///
    /// # Errors
    /// `suspended`; `invalid_credentials` where the password has been changed since it was looked at.
    pub(super) async fn open_session(
        &self,
        tx: &mut Tx,
        user: Person,
        password_hash: &str,
        device: &str,
        (now, chance): (Timestamp, &Chance),
    ) -> Result<Opened> {
        // Only behind the right password: to others it is nobody's business.
        suspension::refuse(tx, user.id).await?;
        // A reset that came meanwhile has ended all sessions of the old password: this is none of them.
        if !code::store::still_holds(tx, user.id, password_hash).await? {
            return Err(Error::new(ErrorCode::InvalidCredentials));
        }
        session::open(tx, user, device, self.0.lifetimes, (now, chance)).await
    }

    /// What a session that has been committed brings its user.
    pub(super) fn granted(&self, opened: Opened, now: Timestamp) -> Result<Grant> {
        let Opened { user, session, refresh } = opened;
        Ok(Grant { access: self.0.keys.sign_access(user.id, session, now)?, refresh, user })
    }

    /// Counts a REST request of this user.
    pub fn count(&self, user: UserId) -> Result<()> {
        self.0.requests.check(&user)
    }

    /// Who asks by REST, if the session of their token stands.
    pub async fn current_user(&self, access: Access) -> Result<CurrentUser> {
        let signed_in = self.standing(access).await?;
        Ok(CurrentUser { id: access.user, session: signed_in.session })
    }

    /// Who that is, if the session of their token stands.
    pub async fn standing(&self, access: Access) -> Result<SignedIn> {
        match self.0.sessions.get((access.session, access.user)).await? {
            Some(Session { user, revoked: false, suspended: false }) => {
                Ok(SignedIn { session: access.session, user, expires_at: access.expires_at })
            }
            // Its sessions have ended with it, but whoever has been signed in is told why.
            Some(Session { user, suspended: true, .. }) => {
                suspension::refuse(&mut *self.0.reads.conn().await?, user.id).await?;
                Err(Error::new(ErrorCode::Unauthenticated))
            }
            _ => {
                Err(ErrorBody::new(ErrorCode::Unauthenticated).message("this session has ended: sign in again").into())
            }
        }
    }

    /// How many passwords are being hashed, and how many wait for it.
    pub fn hashing(&self) -> Hashing {
        self.0.passwords.figures()
    }

    /// Years that one must have lived.
    pub(super) fn minimum_age(&self) -> u32 {
        self.0.settings.minimum_age
    }

    /// Lets through whoever has this permission now.
    pub async fn require(&self, user: UserId, permission: Permission) -> Result<()> {
        role::require(&mut *self.0.reads.conn().await?, user, permission).await
    }

    /// A token for this room.
    pub fn room_token(&self, user: UserId, room: RoomId, now: Timestamp) -> Result<Token> {
        self.0.keys.sign_room(user, room, now)
    }

    /// Removes old revocations, codes that have run out and counts that count no more.
    pub(super) async fn forget(&self, tx: &mut Tx) -> Result<()> {
        revocation::sweep(tx).await?;
        code::store::delete_expired(tx).await?;
        throttle::sweep(tx).await
    }

    /// Forgets of this node's limits the keys that are as good as new.
    pub(super) fn sweep_limits(&self) {
        self.0.attempts.sweep();
        self.0.codes.sweep();
        self.0.sign_ins.sweep();
        self.0.registrations.sweep();
        self.0.refreshes.sweep();
        self.0.requests.sweep();
    }
}

/// Inserts the account under an id that nobody has.
pub(super) async fn insert_account(
    tx: &mut Tx,
    account: &NewAccount,
    password_hash: &str,
    chance: &Chance,
) -> Result<UserId> {
    let (phone, email) = (account.phone.as_ref().map(Contact::as_str), account.email.as_ref().map(Contact::as_str));
    let searched = profile::service::searched(&account.name);
    for attempt in 0..ID_TRIES {
        let id = unused_id(chance, attempt);
        if let Some(id) = store::insert_user(tx, id, phone, email, password_hash, &account.name, &searched).await? {
            profile::service::give_signature(tx, chance, id, false).await?;
            return Ok(id);
        }
    }
    Err(Error::internal("no unused id was found for an account"))
}

/// Nine digits, and one more with every second try that met somebody.
fn unused_id(chance: &Chance, attempt: u32) -> i64 {
    let top = 1_000_000_000 * 10_i64.pow(attempt / 2);
    chance.below(100_000_000..top)
}
