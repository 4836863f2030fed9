//! The worked example of a kind of job in docs/contributing.md. No other file knows this kind, which is registered by one
//! line.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use parlor::kit::jobs::{self, Attempt, Failure, Job, Kind, Kinds, Retry, Running, Settings};
use parlor::kit::tx::Tx;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::outside::{later, node};
use crate::support::postgres::Database;

/// Greets a person at least once. The greeting has the job's key, by which a second greeting can be recognised.
struct Greet(Arc<Mutex<HashMap<Uuid, String>>>);

#[derive(Serialize, Deserialize)]
struct Greeting {
    name: String,
}

impl Kind for Greet {
    const NAME: &'static str = "example.greet";
    type Payload = Greeting;

    fn retry(&self) -> Retry {
        Retry { attempts: 5, first: Duration::from_secs(1), longest: Duration::from_secs(60) }
    }

    async fn run(&self, job: &mut Running, greeting: Greeting) -> Result<(), Failure> {
        let mut greeted = self.0.lock().expect("nobody panicked");
        greeted.insert(job.key(), format!("Hello, {}!", greeting.name));
        Ok(())
    }
}

#[tokio::test]
async fn a_kind_is_one_file_and_one_line() {
    let database = Database::fresh().await;
    let greeted = Arc::new(Mutex::new(HashMap::new()));
    let kinds = Kinds::new().with(Greet(greeted.clone())); // the line
    let jobs = node(&database, &Settings::default(), kinds).await;

    let mut tx = Tx::begin(&database.app).await.expect("a transaction");
    let job = Job::new::<Greet>(&Greeting { name: "Layla".to_owned() });
    jobs::enqueue(&mut tx, job).await.expect("it fits");
    tx.commit().await.expect("committed");

    assert_eq!(jobs.run_due().await.expect("the store answers"), [Attempt::Done]);
    // As if the worker had ended between the greeting and its mark.
    later(&database, "update jobs set state = 'running', finished_at = null, payload = '{\"name\": \"Layla\"}'").await;
    later(&database, "update jobs set due_at = clock_timestamp()").await;
    assert_eq!(jobs.run_due().await.expect("the store answers"), [Attempt::Done]);
    let greeted: Vec<String> = greeted.lock().expect("nobody panicked").values().cloned().collect();
    assert_eq!(greeted, ["Hello, Layla!"], "twice, under one key");
}
