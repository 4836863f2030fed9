//! What remains of the journal's first form, beside the seals that its migration made: nothing was added to it.

mod store;

use sqlx::PgConnection;

use super::report::{Report, Rule};
use crate::kit::error::Result;

/// Reports every link of the first form and every refusal without a link that is not among the sealed ones.
pub(super) async fn check(snapshot: &mut PgConnection, report: &mut Report) -> Result<()> {
    for (writer, batch_no, sealed) in store::unsealed_links(snapshot).await? {
        let detail = match sealed {
            Some(end) => format!("is of the first form, which this writer's chain left behind link {end}"),
            None => "is of the first form, in which this writer has never written".to_owned(),
        };
        report.add(Rule::ChainWhole, format!("link {writer}/{batch_no}"), detail);
    }
    for (writer, batch_no) in store::broken_ends(snapshot).await? {
        let detail = "was the last link of the first form; it is gone, or is another one now";
        report.add(Rule::ChainWhole, format!("link {writer}/{batch_no}"), detail);
    }
    for (op, actor) in store::unsealed_refusals(snapshot).await? {
        let detail = "is refused, no link knows of it, and it is not among those from before links hashed refusals";
        report.add(Rule::RefusalTrue, format!("operation {op} of account {actor}"), detail);
    }
    Ok(())
}
