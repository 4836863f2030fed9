//! Accounts, sign-in and sessions: the rules and the transactions.

use std::net::IpAddr;
use std::sync::Arc;

use parlor_protocol::room::Person;
use parlor_protocol::{ErrorBody, ErrorCode, RoomId, UserId};
use sqlx::{PgConnection, PgPool};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::code::{self, Purpose};
use super::key::REFRESH_EVERY;
use super::keyed::ContactKey;
use super::password::{Hashing, Passwords};
use super::revocation;
use super::session::{self, Grant, Lifetimes};
use super::{
    Access, Contact, CurrentUser, Keys, Permission, Session, Settings, Token, Wallets, profile, role, store,
    suspension, throttle,
};
use crate::courier::Courier;
use crate::db::Lookup;
use crate::kit::clock::Timestamp;
use crate::kit::error::{Error, Result};
use crate::kit::limit::{Limit, holder};
use crate::kit::supervise::Supervisor;

/// Tries at an id before it is clear that something else is wrong; one in a million numbers is taken.
const ID_TRIES: u32 = 8;

/// Accounts, sign-in and tokens. Cheap to clone; a part of the state of routes.
#[derive(Clone)]
pub struct Identity(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) pool: PgPool,
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
fn sessions(pool: PgPool, supervisor: &Supervisor) -> Lookup<(Uuid, UserId), Session> {
    Lookup::start("look-up of sessions", supervisor, move |asked: Vec<(Uuid, UserId)>| {
        let pool = pool.clone();
        async move { store::sessions_of(&mut *pool.acquire().await?, &asked).await }
    })
}

impl Identity {
    /// Reads the keys and keeps them, and the limits' memory, in order until the supervisor stops.
    pub async fn start(
        pool: PgPool,
        settings: &Settings,
        wallets: impl Wallets,
        courier: Courier,
        supervisor: &Supervisor,
    ) -> Result<Self> {
        role::agree(&mut *pool.acquire().await?).await?;
        let secret: [u8; 32] = rand::random();
        let key = code::store::contact_key(&mut *pool.acquire().await?, &secret).await?;
        let identity = Self(Arc::new(Inner {
            settings: settings.clone(),
            courier,
            key: ContactKey::new(key),
            keys: Keys::load(pool.clone(), settings.clone()).await?,
            sessions: sessions(pool.clone(), supervisor),
            pool,
            passwords: Passwords::new(settings.hash_permits, settings.hash_queue, supervisor.crew()),
            wallets: Box::new(wallets),
            attempts: Limit::per_minute(settings.attempts_per_minute_account),
            sign_ins: Limit::per_minute(settings.sign_ins_per_minute_address),
            codes: Limit::per_minute(settings.codes_per_minute_address),
            registrations: Limit::per_minute(settings.registrations_per_minute_address),
            refreshes: Limit::per_minute(settings.refreshes_per_minute_address),
            requests: Limit::per_minute(settings.requests_per_minute_user),
            lifetimes: settings.into(),
        }));
        let tended = identity.clone().tend(supervisor.stop().clone());
        supervisor.engine("identity tending", supervisor.stop(), tended);
        Ok(identity)
    }

    /// The keys of both kinds of tokens.
    pub fn keys(&self) -> &Keys {
        &self.0.keys
    }

    pub(super) fn pool(&self) -> &PgPool {
        &self.0.pool
    }

    pub(super) fn passwords(&self) -> &Passwords {
        &self.0.passwords
    }

    pub(super) fn wallets(&self) -> &dyn Wallets {
        &*self.0.wallets
    }

    /// Makes an account with what it begins with, and signs in.
    pub async fn register(&self, from: IpAddr, account: NewAccount, now: Timestamp) -> Result<Grant> {
        self.0.registrations.check(&holder(from))?;
        for contact in account.phone.iter().chain(&account.email) {
            self.0.attempts.check(contact)?;
        }
        let proven = match (&account.code, account.phone.as_ref().or(account.email.as_ref())) {
            (Some(code), Some(contact)) => Some((self.prove(Purpose::Register, contact, None, code).await?, contact)),
            _ => None,
        };
        // Before the address is looked at: that it is taken shows in the answer, not earlier.
        let password_hash = self.0.passwords.hash(account.password.clone()).await?;
        let mut tx = self.0.pool.begin().await?;
        if let Some((proof, contact)) = &proven {
            proof.use_up(&mut tx).await?;
            code::store::release(&mut tx, contact, None).await?;
        }
        let id = insert_account(&mut tx, &account, &password_hash).await?;
        if let Some((_, contact)) = proven {
            code::store::put_contact(&mut tx, id, contact).await?;
        }
        self.0.wallets.open(&mut tx, id).await?;
        let (session, refresh) = session::open(&mut tx, id, &account.device, self.0.lifetimes).await?;
        tx.commit().await?;
        self.0.wallets.welcome(id).await?;
        tracing::info!(user.id = id.number(), session.id = %session, "somebody registered");
        let access = self.0.keys.sign_access(id, session, now)?;
        Ok(Grant { access, refresh, user: Person { id, name: account.name } })
    }

    /// Signs in. An unknown account and a wrong password have one answer, in the same time.
    pub async fn sign_in(
        &self,
        from: IpAddr,
        login: &Contact,
        password: String,
        device: &str,
        now: Timestamp,
    ) -> Result<Grant> {
        self.0.sign_ins.check(&holder(from))?;
        self.0.attempts.check(login)?;
        let (user, hash) = self.checked(from, login, password).await?;
        let mut tx = self.0.pool.begin().await?;
        // Only behind the right password: to others it is nobody's business.
        suspension::refuse(&mut tx, user.id).await?;
        // A reset that came meanwhile has ended all sessions of the old password: this is none of them.
        if !code::store::still_holds(&mut tx, user.id, &hash).await? {
            return Err(Error::new(ErrorCode::InvalidCredentials));
        }
        let (session, refresh) = session::open(&mut tx, user.id, device, self.0.lifetimes).await?;
        tx.commit().await?;
        self.0.wallets.welcome(user.id).await?;
        tracing::info!(user.id = user.id.number(), session.id = %session, "somebody signed in");
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
                suspension::refuse(&mut *self.0.pool.acquire().await?, user.id).await?;
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
        role::require(&mut *self.0.pool.acquire().await?, user, permission).await
    }

    /// A token for this room.
    pub fn room_token(&self, user: UserId, room: RoomId, now: Timestamp) -> Result<Token> {
        self.0.keys.sign_room(user, room, now)
    }

    async fn sweep(&self) -> Result<()> {
        revocation::sweep(&mut *self.0.pool.acquire().await?).await
    }

    /// Deletes codes that have run out and counts that count no more.
    async fn forget(&self) -> Result<()> {
        let mut conn = self.0.pool.acquire().await?;
        code::store::delete_expired(&mut conn).await?;
        throttle::sweep(&mut conn).await
    }

    async fn tend(self, stop: CancellationToken) {
        let mut every = interval(REFRESH_EVERY);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        every.tick().await; // the first is at once, and the keys were just read
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                _ = every.tick() => {}
            }
            if let Err(error) = self.0.keys.tend().await {
                tracing::warn!(error = %error, "the signing keys could not be read; those in memory go on");
            }
            if let Err(error) = self.sweep().await {
                tracing::warn!(error = %error, "old revocations could not be removed; they are tried again");
            }
            if let Err(error) = self.forget().await {
                tracing::warn!(error = %error, "old codes and counts could not be deleted; they are tried again");
            }
            self.0.attempts.sweep();
            self.0.codes.sweep();
            self.0.sign_ins.sweep();
            self.0.registrations.sweep();
            self.0.refreshes.sweep();
            self.0.requests.sweep();
        }
    }
}

/// Inserts the account under an id that nobody has.
pub(super) async fn insert_account(
    conn: &mut PgConnection,
    account: &NewAccount,
    password_hash: &str,
) -> Result<UserId> {
    let (phone, email) = (account.phone.as_ref().map(Contact::as_str), account.email.as_ref().map(Contact::as_str));
    let searched = profile::service::searched(&account.name);
    for attempt in 0..ID_TRIES {
        let id = unused_id(attempt);
        if let Some(id) = store::insert_user(conn, id, phone, email, password_hash, &account.name, &searched).await? {
            profile::service::give_signature(conn, id, false).await?;
            return Ok(id);
        }
    }
    Err(Error::internal("no unused id was found for an account"))
}

/// Nine digits, and one more with every second try that met somebody.
fn unused_id(attempt: u32) -> i64 {
    let top = 1_000_000_000 * 10_i64.pow(attempt / 2);
    rand::random_range(100_000_000..top)
}
