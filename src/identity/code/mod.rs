//! One-time codes: six digits that prove a phone number or an e-mail address. They are used to register, to reset a
//! password and to change an address. A code is bound to its purpose, its address and the user who asked for it. It
//! holds for minutes and can be used once.

use parlor_protocol::UserId;

use super::Contact;
use super::keyed::ContactKey;
use crate::courier::{Channel, Message};
use crate::kit::chance::Chance;

mod flow;
pub(super) mod routes;
mod service;
mod share;
pub(super) mod store;
mod tries;

/// What a code is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// To prove an address while registering.
    Register,
    /// To set a new password.
    Reset,
    /// To prove or change the address of an account.
    Contact,
}

impl Purpose {
    const fn name(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::Reset => "reset",
            Self::Contact => "contact",
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Register => "to register",
            Self::Reset => "to choose another password",
            Self::Contact => "to confirm this address",
        }
    }
}

/// The proof that a right code was entered. The transaction that the code is for uses it up.
pub(super) struct Proof {
    purpose: Purpose,
    contact: Vec<u8>,
    hash: Vec<u8>,
}

/// A random code of six digits; every code is equally likely.
fn digits(chance: &Chance) -> String {
    format!("{:06}", chance.in_range(0..1_000_000))
}

fn hash(key: &ContactKey, purpose: Purpose, contact: &Contact, user: Option<UserId>, code: &str) -> Vec<u8> {
    key.hash(&parts(purpose, contact, &user_text(user), code))
}

fn user_text(user: Option<UserId>) -> String {
    user.map_or(0, UserId::number).to_string()
}

fn parts<'a>(purpose: Purpose, contact: &'a Contact, user: &'a str, code: &'a str) -> [&'a str; 4] {
    [purpose.name(), contact.as_str(), user, code]
}

/// The message that brings a code, and the channel by which it is sent.
fn message(contact: &Contact, purpose: Purpose, code: &str, minutes: u32) -> (Channel, Message) {
    let channel = channel(contact);
    let text = format!(
        "{code} is your code {}. It holds for {minutes} minutes and opens once.\n\
         Nobody of us asks you for it. If you did not ask for it, you need do nothing.",
        purpose.words()
    );
    (channel, Message { to: contact.as_str().to_owned(), subject: format!("Your code {}", purpose.words()), text })
}

fn channel(contact: &Contact) -> Channel {
    match contact {
        Contact::Phone(_) => Channel::Sms,
        Contact::Email(_) => Channel::Mail,
    }
}

#[cfg(test)]
mod tests {
    use super::{Chance, digits};

    #[test]
    fn a_code_has_six_digits_and_is_another_each_time() {
        let chance = Chance::seeded(1);
        let codes: std::collections::HashSet<_> = (0..1_000).map(|_| digits(&chance)).collect();
        assert!(codes.iter().all(|code| code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit())));
        assert!(codes.len() > 980, "{}", codes.len());
    }
}
