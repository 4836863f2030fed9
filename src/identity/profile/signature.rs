//! Signatures: public ids that are easy to say and to remember, as `amber-fox-42`.

use crate::kit::chance::Chance;

/// The words for the first place: common and plain words that insult nobody.
const FIRST: &str = "amber azure brave bright calm clear coral cosmic crisp dawn deep early fair fast fresh gentle glad \
    golden grand green happy honest indigo ivory jade jolly keen kind lively lucky lunar mellow merry mighty misty neat \
    noble olive opal pearl pink polar proud quick quiet rapid ruby sandy scarlet sharp shiny silent silver simple smart \
    snowy solar spicy steady still stormy sunny super swift tidy topaz true velvet violet vivid warm wild wise witty";
/// The words for the second place.
const SECOND: &str = "acorn badger bear beaver bird bison breeze brook cactus camel canary cedar cliff cloud comet crane \
    creek dolphin dove dune eagle ember falcon fern finch flame forest fox gazelle harbor hawk heron hill horse island \
    jaguar kite koala lake lantern leaf leopard lion lotus lynx maple meadow meteor moon mountain ocean oak orbit orchid \
    oryx otter owl palm panda panther parrot pebble penguin pine planet pony prairie puffin rabbit raven reef ridge river \
    robin rocket rose sailor seal shell sparrow spring star stone swan tiger tulip turtle valley wave whale willow wind \
    wolf zebra";
/// Words that no part of a chosen signature may be, because they would pass for the platform or its staff.
const RESERVED: [&str; 18] = [
    "parlor",
    "admin",
    "administrator",
    "root",
    "system",
    "staff",
    "official",
    "support",
    "help",
    "moderator",
    "mod",
    "vip",
    "security",
    "team",
    "owner",
    "manager",
    "reseller",
    "agency",
];
/// The fewest characters of a signature that anybody may choose; shorter ones are reserved for VIPs.
const MIN_CHARS: usize = 6;
const MAX_CHARS: usize = 24;

/// A random signature that is not reserved. With every second attempt the number may have one more digit.
pub(super) fn generated(chance: &Chance, attempt: u32) -> String {
    let word = |list: &'static str| chance.one_of(&list.split_whitespace().collect::<Vec<_>>());
    loop {
        let number = chance.in_range(10..10_i64.pow(2 + (attempt / 2).min(4)));
        let signature = format!("{}-{}-{number}", word(FIRST), word(SECOND));
        if !is_reserved(&signature) {
            return signature;
        }
    }
}

/// Parses a signature as people type it, and puts it into lower case; an error if it does not have the form of one.
pub(in crate::identity) fn parse(text: &str) -> Result<String, &'static str> {
    let signature = text.trim().to_ascii_lowercase();
    if !(2..=MAX_CHARS).contains(&signature.len()) || !has_form(&signature) {
        return Err("2 to 24 characters: words of letters and numbers with hyphens between, a word first");
    }
    Ok(signature)
}

/// Whether each part consists of letters only or of digits only, so that no `l` passes for a `1`; and whether the
/// number and lengths of the parts fit.
fn has_form(signature: &str) -> bool {
    let parts: Vec<&str> = signature.split('-').collect();
    let is_word = |part: &str| (2..=16).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_lowercase());
    let is_number = |part: &str| (1..=6).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    parts.len() <= 4 && is_word(parts[0]) && parts.iter().all(|part| is_word(part) || is_number(part))
}

/// Whether a signature is reserved for VIPs and staff: it is short, has a special number (as 777, 123 or 321) or
/// contains a reserved word.
pub(super) fn is_reserved(signature: &str) -> bool {
    let fine = |part: &str| {
        let digits = part.as_bytes();
        let steps = |by: i16| digits.windows(2).all(|pair| i16::from(pair[1]) - i16::from(pair[0]) == by);
        digits.len() >= 3 && digits.iter().all(u8::is_ascii_digit) && (steps(0) || steps(1) || steps(-1))
    };
    signature.len() < MIN_CHARS || signature.split('-').any(|part| RESERVED.contains(&part) || fine(part))
}

#[cfg(test)]
mod tests {
    use super::{Chance, generated, is_reserved, parse};

    #[test]
    fn a_generated_signature_has_the_form_and_is_not_reserved() {
        let chance = Chance::seeded(1);
        for attempt in 0..200 {
            let signature = generated(&chance, attempt % 12);
            assert_eq!(parse(&signature).as_deref(), Ok(signature.as_str()));
            assert!(!is_reserved(&signature), "{signature}");
        }
    }

    #[test]
    fn signatures_that_pass_for_another_or_for_staff_are_refused() {
        for text in
            ["", "a", "-ab", "ab-", "a1b-cd", "42-fox", "fox--42", "fox_42", "fox-1234567", "فهد-42", "ab-cd-ef-gh-ij"]
        {
            assert!(parse(text).is_err(), "{text:?}");
        }
        assert_eq!(parse(" Amber-FOX-42 ").as_deref(), Ok("amber-fox-42"));
        for text in ["fox", "parlor", "the-admin-42", "amber-fox-777", "amber-fox-123", "amber-fox-9876"] {
            assert!(is_reserved(text), "{text}");
        }
        for text in ["amber-fox", "amber-fox-77", "amber-fox-124", "helpful-fox"] {
            assert!(!is_reserved(text), "{text}");
        }
    }
}
