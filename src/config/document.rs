//! The page `docs/settings.md`. Its table is written from the declarations; the text around it is written by people.

use super::Settings;
use crate::kit::settings::table;

/// The page with its table replaced by a current one; `None` if it has no table that begins with `| setting |`.
pub fn renewed(page: &str) -> Option<String> {
    let start = page.find("| setting |")?;
    let end = start + page[start..].find("\n\n")? + 1;
    Some(format!("{}{}{}", &page[..start], table(&Settings::settings()), &page[end..]))
}
