//! The sender of `dev`: it writes messages to the log, codes included, instead of sending them. `serve` never uses it.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use uuid::Uuid;

use super::{Failure, Message, Sender};

/// Writes messages to the log.
#[derive(Clone, Copy, Debug)]
pub struct Log;

impl Sender for Log {
    fn send<'a>(&'a self, _: Uuid, message: &'a Message) -> BoxFuture<'a, Result<(), Failure>> {
        async move {
            tracing::info!("a message for {}: {}", message.to, message.text.replace('\n', " "));
            Ok(())
        }
        .boxed()
    }
}
