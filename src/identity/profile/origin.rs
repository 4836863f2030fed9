//! Parsing of country (ISO 3166-1), language (BCP 47) and birthday, with the check of the age.

use chrono::{DateTime, Datelike, NaiveDate};
use parlor_protocol::record::COUNTRIES;

use crate::kit::clock::Timestamp;

/// Parses a country's code, and puts it into upper case.
pub(super) fn country(text: &str) -> Result<String, &'static str> {
    let code = text.trim().to_ascii_uppercase();
    let known = COUNTRIES.contains(&&*code);
    if known { Ok(code) } else { Err("a country of ISO 3166-1, two letters") }
}

/// Parses a language tag (RFC 5646), and puts its parts into their usual case. It may have a script, a region and
/// variants, and nothing else.
pub(super) fn language(text: &str) -> Result<String, &'static str> {
    const FORM: &str = "a language of BCP 47, as `ar` or `zh-Hant-TW`";
    let mut parts = text.trim().split('-');
    let primary = parts.next().filter(|part| matches!(part.len(), 2..=3) && is_alphabetic(part)).ok_or(FORM)?;
    let mut tag = primary.to_ascii_lowercase();
    // The rank of the last part: 1 script, 2 region, 3 variant. Parts come in this order; only variants may repeat.
    let mut place = 0;
    for part in parts {
        let (rank, part) = match part.len() {
            4 if is_alphabetic(part) => (1, part[..1].to_ascii_uppercase() + &part[1..].to_ascii_lowercase()),
            2 if is_alphabetic(part) => (2, part.to_ascii_uppercase()),
            3 if part.bytes().all(|b| b.is_ascii_digit()) => (2, part.to_owned()),
            5..=8 if is_alphanumeric(part) => (3, part.to_ascii_lowercase()),
            4 if is_alphanumeric(part) && part.as_bytes()[0].is_ascii_digit() => (3, part.to_ascii_lowercase()),
            _ => return Err(FORM),
        };
        if rank < place || (rank == place && rank != 3) {
            return Err(FORM);
        }
        place = rank;
        tag = tag + "-" + &part;
    }
    if tag.len() <= 35 { Ok(tag) } else { Err(FORM) }
}

fn is_alphabetic(part: &str) -> bool {
    part.bytes().all(|b| b.is_ascii_alphabetic())
}

fn is_alphanumeric(part: &str) -> bool {
    part.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// Parses a birthday (`YYYY-MM-DD`) of somebody who has reached the minimum age now, and is not above 120.
pub(super) fn birthday(text: &str, minimum_age: u32, now: Timestamp) -> Result<NaiveDate, String> {
    let form = || "a day as 1998-04-23".to_owned();
    let day = NaiveDate::parse_from_str(text.trim(), "%Y-%m-%d").map_err(|_| form())?;
    let today = DateTime::from_timestamp_millis(now.0).ok_or_else(form)?.date_naive();
    let had_it = (today.month(), today.day()) >= (day.month(), day.day());
    let age = today.year() - day.year() - i32::from(!had_it);
    match u32::try_from(age) {
        Ok(age) if age > 120 => Err(form()),
        Ok(age) if age >= minimum_age => Ok(day),
        _ => Err(format!("you must be at least {minimum_age} years old")),
    }
}

#[cfg(test)]
mod tests {
    use super::{birthday, country, language};
    use crate::kit::clock::Timestamp;

    #[test]
    fn countries_are_those_of_the_list() {
        assert_eq!(country(" sa "), Ok("SA".to_owned()));
        for text in ["", "S", "SAU", "XX", "UK", "S A", "سع"] {
            assert!(country(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn languages_have_one_spelling() {
        for (text, tag) in [("AR", "ar"), ("zh-hant-tw", "zh-Hant-TW"), ("es-419", "es-419"), ("de-1996", "de-1996")] {
            assert_eq!(language(text).as_deref(), Ok(tag));
        }
        for text in ["", "a", "arab", "ar-", "ar-EG-EG", "ar-EG-Arab", "ar_EG", "x-private", "ar-\u{661}\u{662}"] {
            assert!(language(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn the_minimum_age_is_reached_on_the_birthday_and_not_the_day_before() {
        // 2026-09-21 in UTC.
        let now = Timestamp(1_790_000_000_000);
        assert!(birthday("2008-09-21", 18, now).is_ok());
        assert!(birthday("2008-09-22", 18, now).is_err());
        for text in ["", "21.09.1990", "1990-13-01", "1990-02-30", "1890-01-01", "2030-01-01", "+990-1-1"] {
            assert!(birthday(text, 18, now).is_err(), "{text:?}");
        }
    }
}
