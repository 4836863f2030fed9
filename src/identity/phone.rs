//! Phone numbers. What a number of each country is, is known by a library with the data of Google's libphonenumber.
//! The data is read when the first number comes.
//!
//! There is no country whose numbers may be left without its code: a server has users of many.

use rlibphonenumber::{
    NumberLengthType, PHONE_NUMBER_UTIL, ParseError, PhoneNumber, PhoneNumberFormat, ValidationError,
};

/// Characters of the longest text that is read as a number.
const MAX_CHARS: usize = 64;
const FORM: &str = "a phone number as +14155550123, with the country's code";
const COUNTRY: &str = "a phone number that begins with the code of a country";
const SHORT: &str = "a phone number with as many digits as its country's have: this one is too short";
const LONG: &str = "a phone number with as many digits as its country's have: this one is too long";
const LENGTH: &str = "a phone number with as many digits as its country's have";

/// The zeros of the scripts in whose digits people write numbers; the nine other digits come after each.
const ZEROS: [char; 8] = ['0', '٠', '۰', '०', '০', '๐', '၀', '０'];

/// Reads a number as people write it, with `+` or `00` and the country's code, and puts it into E.164. A trunk zero that
/// the country leaves out after its code is left out. The error says the expected form.
pub(super) fn read(text: &str) -> Result<String, &'static str> {
    let text = dialled(text).ok_or(FORM)?;
    let number = PHONE_NUMBER_UTIL.parse(&text, None).map_err(|error| match error {
        ParseError::InvalidCountryCode => COUNTRY,
        ParseError::TooShortAfterIdd | ParseError::TooShortNsn => SHORT,
        ParseError::TooLongNsn => LONG,
        ParseError::NotANumber(_) => FORM,
    })?;
    has_its_length(&number)?;
    let number = PHONE_NUMBER_UTIL.format(&number, PhoneNumberFormat::E164).into_owned();
    match number.len() {
        ..8 => Err(SHORT),
        8..=16 => Ok(number),
        _ => Err(LONG),
    }
}

fn has_its_length(number: &PhoneNumber) -> Result<(), &'static str> {
    match PHONE_NUMBER_UTIL.is_possible_number_with_reason(number) {
        Ok(NumberLengthType::IsPossible) => Ok(()),
        Ok(NumberLengthType::IsPossibleLocalOnly) | Err(ValidationError::TooShort) => Err(SHORT),
        Err(ValidationError::TooLong) => Err(LONG),
        Err(ValidationError::InvalidLength) => Err(LENGTH),
        Err(ValidationError::InvalidCountryCode) => Err(COUNTRY),
    }
}

/// The number as the versions before this file stored it: the digits as they were written, whatever the country.
pub(super) fn read_before(text: &str) -> Option<String> {
    let digits = text.trim().strip_prefix('+')?;
    let number: String = digits.chars().filter(|c| !" -.()".contains(*c)).collect();
    let fits = (7..=15).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
    (fits && !number.starts_with('0')).then(|| format!("+{number}"))
}

/// `+` and ASCII digits, without the signs between them. `None` if anything else is written: the library would take
/// words for digits, find a number in a sentence and leave an extension out.
fn dialled(text: &str) -> Option<String> {
    if text.chars().count() > MAX_CHARS {
        return None;
    }
    let mut number = String::with_capacity(MAX_CHARS);
    for c in text.chars() {
        match c {
            '+' | '＋' if number.is_empty() => number.push('+'),
            c if c.is_whitespace() || is_invisible(c) => {}
            c if "-‐‑‒–—―−－.·/()（）[]".contains(c) => {}
            c => number.push(digit(c)?),
        }
    }
    if number.starts_with('+') { Some(number) } else { number.strip_prefix("00").map(|rest| format!("+{rest}")) }
}

fn digit(c: char) -> Option<char> {
    let value = |zero: &char| u32::from(c).checked_sub(u32::from(*zero)).filter(|value| *value < 10);
    ZEROS.iter().find_map(value).and_then(|value| char::from_digit(value, 10))
}

/// Controls of the direction, joiners and soft hyphens: phones put them around and into a number that is copied.
const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::{COUNTRY, FORM, LENGTH, LONG, SHORT, read, read_before};

    #[test]
    fn a_number_is_read_as_people_write_it() {
        for text in [
            "+201001234567",
            " +20 100 123 4567 ",
            "\u{202a}+20 100 123 4567\u{202c}",
            "\u{2066}+201001234567\u{2069}",
            "+20\u{a0}100\u{a0}123\u{202f}4567",
            "+20\u{2011}100\u{2011}123\u{2011}4567",
            "+20/100.123·4567",
            "00201001234567",
            "0020 (100) 123-4567",
            "٠٠٢٠١٠٠١٢٣٤٥٦٧",
            "+٢٠١٠٠١٢٣٤٥٦٧",
            "+۲۰۱۰۰۱۲۳۴۵۶۷",
            "+२०१००१२३४५६७",
            "＋２０　１００１２３４５６７",
            "+20 0100 123 4567",
            "+20 (0)100 123 4567",
        ] {
            assert_eq!(read(text).as_deref(), Ok("+201001234567"), "{text}");
        }
    }

    #[test]
    fn a_trunk_zero_is_left_out_where_the_country_leaves_it_out() {
        for (text, number) in [
            ("+44 (0)20 7183 8750", "+442071838750"),
            ("+49 (0)30 901820", "+4930901820"),
            ("+966 050 123 4567", "+966501234567"),
            ("+39 06 6982", "+39066982"),
            ("+1 (415) 555-0123", "+14155550123"),
        ] {
            assert_eq!(read(text).as_deref(), Ok(number), "{text}");
        }
    }

    #[test]
    fn a_number_has_one_of_its_countrys_lengths() {
        // Germany's numbers have many lengths, Egypt's few, those of the United States one.
        for text in ["+49 30 12345", "+49 30 901820", "+49 151 23456789", "+20 2 2391 2345", "+683 4000"] {
            assert!(read(text).is_ok(), "{text}");
        }
        for (text, why) in [
            ("+1 415 555 012", SHORT),
            ("+1 555 0123", SHORT),
            ("+20 100", SHORT),
            ("+49 123", SHORT),
            ("+1 415 555 01234", LONG),
            ("+20 100 123 45678", LONG),
            ("+49 30 1234567890123456", LONG),
            ("+65 6123 45678", LENGTH),
            ("+999 1234 5678", COUNTRY),
            ("+0123456789", COUNTRY),
        ] {
            assert_eq!(read(text), Err(why), "{text}");
        }
    }

    #[test]
    fn a_number_needs_its_countrys_code_and_nothing_beside_it() {
        let spaces = format!("+1415555{}0123", " ".repeat(64));
        for text in [
            "",
            "+",
            "00",
            "01001234567",
            "٠١٢٣٤٥٦٧٨٩٠",
            "14155550123",
            "++14155550123",
            "+14155550123+",
            "+1-800-FLOWERS",
            "+1415555x123",
            "+14155550123 ext. 7",
            "+14155550123x7",
            "+14155550123;ext=7",
            "+14155550123#7",
            "+14155550123~7",
            "+14155550123, 7",
            "tel:+14155550123",
            "call +14155550123",
            "½+14155550123",
            "+1415555012³",
            "+1415555012Ⅲ",
            "+1415555012\0",
            &spaces,
        ] {
            assert!(matches!(read(text), Err(FORM | SHORT)), "{text:?} {:?}", read(text));
        }
        assert_eq!(read("(+1) 415 555 0123").as_deref(), Ok("+14155550123"));
    }

    #[test]
    fn a_number_in_e164_stays_what_it_was() {
        for text in ["+14155550123", "+201001234567", "+442071838750", "+39066982", "+4930901820", "+6591234567"] {
            assert_eq!(read(text).ok(), read_before(text), "{text}");
        }
    }
}
