//! Contacts: the phone number or e-mail address that somebody signs in with, in one spelling.
//!
//! A contact proves nothing until its code has been entered. This file only refuses junk, and makes sure that two
//! spellings of one address are one account.

use super::phone;

/// A phone number or an e-mail address, normalised.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Contact {
    /// A phone number in E.164: `+` and 7 to 15 digits.
    Phone(String),
    /// An e-mail address in lower case.
    Email(String),
}

impl Contact {
    /// Parses a phone number or an e-mail address, as people type it to sign in. The error says the expected form.
    pub fn parse(login: &str) -> Result<Self, &'static str> {
        if login.contains('@') { Self::email(login) } else { Self::phone(login) }
    }

    /// Parses a phone number as people write it, with `+` or `00` and the country's code, and puts it into E.164.
    pub fn phone(text: &str) -> Result<Self, &'static str> {
        phone::read(text).map(Self::Phone)
    }

    /// Parses an e-mail address, and puts it into lower case. Letters beyond ASCII are refused, because the database
    /// and this program may put them into lower case differently. A domain with other letters can be written in ASCII.
    pub fn email(text: &str) -> Result<Self, &'static str> {
        const FORM: &str = "an e-mail address as name@example.com";
        let text = text.trim();
        let (local, domain) = text.rsplit_once('@').ok_or(FORM)?;
        let local_fits = (1..=64).contains(&local.len())
            && local.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~-.".contains(&b))
            && local.split('.').all(|atom| !atom.is_empty());
        let label_fits = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let domain_fits = domain.contains('.') && domain.split('.').all(label_fits);
        if text.len() <= 254 && local_fits && domain_fits {
            Ok(Self::Email(text.to_ascii_lowercase()))
        } else {
            Err(FORM)
        }
    }

    /// The contact as a phone number and an e-mail address; one of the two is `None`.
    pub(super) fn columns(&self) -> (Option<&str>, Option<&str>) {
        match self {
            Self::Phone(phone) => (Some(phone), None),
            Self::Email(email) => (None, Some(email)),
        }
    }

    /// The contact as it is stored.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Phone(text) | Self::Email(text) => text,
        }
    }
}

/// The contact of an account that may stand already, as its owner writes it to get in. Older versions stored a phone
/// number's digits as they were written: with a trunk zero, or with too few or too many for the country. Whoever wrote
/// the number so then may go on writing it so.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct AccountContact {
    /// The contact by today's rules.
    pub contact: Contact,
    /// What an older version stored for the same text, if that was something else.
    pub before: Option<Contact>,
}

impl AccountContact {
    /// Parses what somebody signs in with. The error says the expected form.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let before = phone::read_before(text).map(Contact::Phone);
        match (Contact::parse(text), before) {
            (Ok(contact), before) => Ok(Self { before: before.filter(|before| *before != contact), contact }),
            (Err(_), Some(contact)) => Ok(Self { contact, before: None }),
            (Err(why), None) => Err(why),
        }
    }

    /// Every form in which the contact may be stored; that of an older version first.
    pub fn forms(&self) -> impl Iterator<Item = &Contact> {
        self.before.iter().chain([&self.contact])
    }
}

impl From<Contact> for AccountContact {
    fn from(contact: Contact) -> Self {
        Self { contact, before: None }
    }
}

/// The forms of contacts in the documents of the API.
pub(super) mod schema {
    use utoipa::openapi::schema::{Object, ObjectBuilder, SchemaType, Type};

    /// An e-mail address: atoms with dots between them, and labels of a domain.
    const EMAIL: &str = "(?=[^@]{1,64}@)[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+([.][A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*\
        @([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?[.])+[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?";
    /// What can be a phone number, as people write them. Which of these are numbers is more than a pattern can say.
    const PHONE: &str = "[^@A-Za-z]{7,64}";

    fn text(pattern: &str, example: &str) -> ObjectBuilder {
        let text = ObjectBuilder::new().schema_type(Type::String).max_length(Some(254));
        text.pattern(Some(format!("^({pattern})$"))).examples([example])
    }

    fn or_null() -> SchemaType {
        SchemaType::from_iter([Type::String, Type::Null])
    }

    /// A phone number or an e-mail address.
    pub fn contact() -> Object {
        let words = "A phone number with `+` or `00` and the country's code, or an e-mail address.";
        text(&format!("{EMAIL}|{PHONE}"), "amira@example.com").description(Some(words)).build()
    }

    /// An e-mail address that may be left out.
    pub fn email() -> Object {
        let words = "An e-mail address.";
        text(EMAIL, "amira@example.com").schema_type(or_null()).description(Some(words)).build()
    }

    /// A phone number that may be left out.
    pub fn phone() -> Object {
        let words =
            "A phone number with `+` or `00` and the country's code. A phone number or an e-mail address is needed.";
        text(PHONE, "+201001234567").schema_type(or_null()).description(Some(words)).build()
    }
}

#[cfg(test)]
mod tests {
    use super::{AccountContact, Contact};

    #[test]
    fn spellings_of_one_address_are_one_contact() {
        let email = |text: &str| Contact::parse(text).expect("an address");
        assert_eq!(email(" Layla@Example.COM "), email("layla@example.com"));
        assert_eq!(email("+1 (415) 555-0123"), email("+14155550123"));
        assert_eq!(email("+14155550123").as_str(), "+14155550123");
    }

    #[test]
    fn a_number_is_looked_up_as_older_versions_stored_it_too() {
        let login = |text: &str| {
            AccountContact::parse(text)
                .map(|login| (login.contact.as_str().to_owned(), login.before.map(|before| before.as_str().to_owned())))
        };
        let number = |text: &str| text.to_owned();
        assert_eq!(login("+14155550123"), Ok((number("+14155550123"), None)));
        assert_eq!(login("0014155550123"), Ok((number("+14155550123"), None)), "which older versions refused");
        let with_zero = Ok((number("+442071838750"), Some(number("+4402071838750"))));
        assert_eq!(login("+44 (0)20 7183 8750"), with_zero);
        assert_eq!(login("+1 555 0123"), Ok((number("+15550123"), None)), "too short, but it may be stored");
        assert_eq!(login("Layla@example.com"), Ok((number("layla@example.com"), None)));
        assert!(login("1 555 0123").is_err() && login("+1").is_err() && login("a@b").is_err());
    }

    #[test]
    fn junk_is_no_contact() {
        let long = format!("{}@example.com", "a".repeat(65));
        let longer = format!("a@{}com", "example.".repeat(40));
        let junk = [
            "",
            "@",
            "a@",
            "@b.c",
            "a@b",
            "a@@b.c",
            "a@b..c",
            ".a@b.c",
            "a b@c.d",
            "a@-b.c",
            "a\0@b.c",
            "a@b.c\n@",
            "ä@b.c",
            "+",
            "+123456",
            "+1234567890123456",
            "14155550123",
            "+0123456789",
            "+1415555x123",
            "+١٢٣٤٥٦",
            &long,
            &longer,
        ];
        for text in junk {
            assert!(Contact::parse(text).is_err(), "{text:?}");
        }
    }
}
