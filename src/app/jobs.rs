//! The jobs of the server: every kind is registered here, by one line each. The metrics of their workers are here too.

use std::sync::Arc;
use std::time::Duration;

use crate::courier::Courier;
use crate::economy::coin_request;
use crate::economy::ledger::ForgetRefusals;
use crate::economy::ledger::anchor::MakeAnchor;
use crate::identity::Identity;
use crate::kit::edge::Edge;
use crate::kit::jobs::{Attempt, Kinds, Standing, Watch};
use crate::media::Media;
use crate::room::days::CountDays;
use crate::room::port::Takings;
use crate::room::timeline::{EmptyLine, ForgetTimeline};
use crate::room::visits::KeepVisits;
use crate::room::{self, ForgetFacts};
use crate::telemetry::metric;
use crate::voice::{ForgetRights, TellVendor, Voice};

/// Every kind of job that this program knows. If a kind is removed here, its jobs in the table stay there until a
/// program runs that knows the kind.
pub(super) fn kinds(
    edge: &Edge,
    courier: &Courier,
    identity: &Identity,
    media: &Media,
    (rooms, takings): (&room::Settings, Arc<dyn Takings>),
    voice: &Voice,
    anchor: Option<MakeAnchor>,
) -> Kinds {
    let kinds = Kinds::new().with(courier.mail_job()).with(courier.sms_job());
    let kinds = kinds.every(Duration::from_secs(60), coin_request::Expire(edge.clock().clone()));
    let kinds = kinds.every(Duration::from_secs(3_600), ForgetRefusals);
    let kinds = kinds
        .every(Duration::from_secs(3_600), ForgetFacts::after(rooms.facts_days, rooms.images_days))
        .with(EmptyLine);
    let kinds = kinds.every(Duration::from_secs(600), ForgetTimeline::after(rooms.timeline_days));
    let kinds = kinds.every(Duration::from_secs(300), KeepVisits::after(rooms.visits_days));
    let kinds = kinds.every(Duration::from_secs(3_600), CountDays::new(takings, edge.clock().clone()));
    let kinds = kinds.with(TellVendor::new(voice.clone())).every(Duration::from_secs(3_600), ForgetRights);
    let kinds = identity.kinds(kinds, edge);
    let kinds = media.kinds(kinds, edge);
    match anchor {
        Some(anchor) => kinds.every(anchor.every(), anchor),
        None => kinds,
    }
}

/// Counts what the workers do in the metrics.
pub(super) struct Metrics;

impl Watch for Metrics {
    fn attempted(&self, attempt: Attempt, took: Duration) {
        metric::JOB_ATTEMPTS.add_of(
            match attempt {
                Attempt::Done => "done",
                Attempt::Again => "again",
                Attempt::Failed => "failed",
                Attempt::Lost => "lost",
            },
            1,
        );
        metric::JOB_TIMES.record_time(took);
    }

    fn stands(&self, standing: Standing) {
        metric::JOBS.set_of("waiting", standing.waiting as f64);
        metric::JOBS.set_of("running", standing.running as f64);
        metric::JOBS.set_of("failed", standing.failed as f64);
        metric::JOBS_OLDEST.set(standing.oldest.as_secs_f64());
    }
}
