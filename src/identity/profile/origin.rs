//! Parsing of country (ISO 3166-1), language (BCP 47) and birthday, with the check of the age.

use chrono::{DateTime, Datelike, NaiveDate};

use crate::kit::clock::Timestamp;

/// The assigned country codes of ISO 3166-1 alpha-2.
const COUNTRIES: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT \
    BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ \
    FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS \
    IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN \
    MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW \
    PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN \
    TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW";

/// Parses a country's code, and puts it into upper case.
pub(super) fn country(text: &str) -> Result<String, &'static str> {
    let code = text.trim().to_ascii_uppercase();
    let known = code.len() == 2 && COUNTRIES.split_whitespace().any(|known| known == code);
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
        assert_eq!(super::COUNTRIES.split_whitespace().count(), 249);
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
