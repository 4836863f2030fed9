//! The worked example of a setting: one declaration, and one line where its table is registered.

use parlor::config::read_as;
use parlor::settings;

settings! {
    /// How newcomers are greeted.
    pub struct Greeting at "greeting" {
        /// Milliseconds after which a newcomer is greeted; 0: nobody is.
        delay_ms: u64 = 500, in 0..=60_000;
    }
}

settings! {
    /// All settings of the example, like `config::Settings`.
    pub struct All at "" {
        /// How newcomers are greeted.
        greeting: Greeting;
    }
}

fn read(value: &str) -> (All, Vec<String>) {
    let variable = ("PARLOR__GREETING__DELAY_MS".to_owned(), value.to_owned());
    let (all, mut problems) = read_as::<All>(None, [variable], None);
    problems.extend(all.problems());
    (all, problems)
}

#[test]
fn a_declared_setting_is_read_checked_and_documented() {
    assert_eq!(All::default().greeting.delay_ms, 500);
    assert_eq!(read("250").0.greeting.delay_ms, 250);
    let outside = "greeting.delay_ms: 60001 is not between 0 and 60000. \
                   Milliseconds after which a newcomer is greeted; 0: nobody is.";
    assert_eq!(read("60001").1, [outside]);
    assert!(read("soon").1[0].starts_with("PARLOR__GREETING__DELAY_MS: "), "{:?}", read("soon").1);
    let lines: Vec<_> = All::settings().iter().map(|setting| setting.line()).collect();
    let line = "| `greeting.delay_ms` | `500` | 0 to 60000 | \
                Milliseconds after which a newcomer is greeted; 0: nobody is. |";
    assert_eq!(lines, [line]);
}
