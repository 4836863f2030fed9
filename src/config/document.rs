//! The page of settings: its table is written from the declarations, the words around it by people.

use super::Settings;
use crate::kit::settings::table;

/// The page with its table written anew; `None` where it has none.
pub fn renewed(page: &str) -> Option<String> {
    let start = page.find("| setting |")?;
    let end = start + page[start..].find("\n\n")? + 1;
    Some(format!("{}{}{}", &page[..start], table(&Settings::settings()), &page[end..]))
}
