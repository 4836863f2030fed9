//! Changes of a password or of a contact. Each needs a password's hash, which takes a core for a while, so it consists
//! of several short transactions and holds no connection while the hash is computed. This file is part of the edge: it
//! opens and commits transactions.

use std::net::IpAddr;

use parlor_protocol::{ErrorCode, UserId};

use super::{Purpose, store};
use crate::identity::contact::AccountContact;
use crate::identity::device::{Guesser, KnownDevice};
use crate::identity::flow::asker;
use crate::identity::hashing::Asker;
use crate::identity::{Contact, CurrentUser, Identity, password};
use crate::kit::edge::Edge;
use crate::kit::error::{Error, Result};
use crate::kit::fields::bad_field;

impl Identity {
    /// Sets a new password for the owner of a contact who proves it by a code, and signs the user out everywhere.
    pub(super) async fn reset_password(
        &self,
        edge: &Edge,
        (from, known): (IpAddr, Option<KnownDevice>),
        login: &AccountContact,
        code: &str,
        password: String,
    ) -> Result<()> {
        self.admit(&self.0.sign_ins, from, known.as_ref())?;
        let (contact, by) = {
            let mut reads = edge.read().await?;
            let contact = self.stored_as(&mut reads, login).await?;
            (contact, self.guesser(&mut reads, contact, from, known.as_ref()).await?)
        };
        self.admit_guesser(&self.0.sign_ins, from, known.as_ref(), &by)?;
        let proof = self.proven(edge, Purpose::Reset, contact, None, code, &by).await?;
        let hash = self.passwords().hash(asker(from), password, edge.chance().bytes()).await?;
        let mut tx = edge.begin().await?;
        let user = self.replace_password(&mut tx, &proof, contact, &hash).await?;
        tx.commit().await?;
        tracing::info!(user.id = user.number(), "a user set a new password by a code");
        Ok(())
    }

    /// Changes the password of a signed-in user who knows the old one, and ends their other sessions.
    pub(super) async fn change_password(&self, edge: &Edge, user: CurrentUser, old: String, new: String) -> Result<()> {
        let contacts = store::contacts(&mut *edge.read().await?, user.id).await?;
        let contacts: Vec<&str> = contacts.iter().map(String::as_str).collect();
        if let Some(why) = password::weakness(&new, &contacts) {
            return Err(bad_field("password", why));
        }
        let old = self.knows_password(edge, user.id, old).await?;
        let new = self.passwords().hash(Asker::User(user.id), new, edge.chance().bytes()).await?;
        let mut tx = edge.begin().await?;
        self.exchange_password(&mut tx, user, &old, &new).await?;
        tx.commit().await?;
        tracing::info!(user.id = user.id.number(), "a user changed their password");
        Ok(())
    }

    /// Marks a contact as proven by a code. A contact that is not the user's yet becomes theirs; for that the password
    /// is needed too.
    pub(super) async fn confirm_contact(
        &self,
        edge: &Edge,
        user: CurrentUser,
        contact: &Contact,
        code: &str,
        password: Option<String>,
    ) -> Result<()> {
        let credentials = store::credentials(&mut *edge.read().await?, user.id, Some(contact)).await?;
        let (_, own) = credentials.ok_or_else(|| Error::new(ErrorCode::UserNotFound))?;
        let mut known = None;
        if !own {
            let password =
                password.ok_or_else(|| bad_field("password", "needed for an address that is not yours yet"))?;
            known = Some(self.knows_password(edge, user.id, password).await?);
        }
        let by = Guesser::user(&self.0.key, user.id);
        let proof = self.proven(edge, Purpose::Contact, contact, Some(user.id), code, &by).await?;
        let mut tx = edge.begin().await?;
        let former = self.take_contact(&mut tx, user, contact, known, &proof).await?;
        tx.commit().await?;
        if let Some(former) = former {
            tracing::info!(user.id = former.number(), "an account lost an address that it had not proven");
        }
        Ok(())
    }

    /// The hash of the user's password, if `password` is right; `invalid_credentials` if not. Guesses are counted as at
    /// sign-in.
    async fn knows_password(&self, edge: &Edge, user: UserId, password: String) -> Result<String> {
        let mut tx = edge.begin().await?;
        let guess = self.count_own_guess(&mut tx, user).await?;
        tx.commit().await?;
        let verdict = self.passwords().verify(Asker::User(user), password, guess.hash.clone()).await;
        if verdict.as_ref().is_ok_and(|verdict| !verdict.right) {
            return Err(Error::new(ErrorCode::InvalidCredentials));
        }
        let mut tx = edge.begin().await?;
        match verdict {
            Ok(_) => guess.forgive(&mut tx).await?,
            Err(_) => guess.take_back(&mut tx).await?,
        }
        tx.commit().await?;
        verdict?;
        guess.hash.ok_or_else(|| Error::new(ErrorCode::InvalidCredentials))
    }
}
