//! Tests of engine tasks that end, fail and are stopped, and of pieces of work that panic.

use std::future::pending;

use super::*;

#[tokio::test]
async fn an_engine_task_that_was_asked_to_end_is_no_failure() {
    let supervisor = Supervisor::default();
    let stop = supervisor.stop().clone();
    supervisor.engine("clock", supervisor.stop(), async move { stop.cancelled().await });
    supervisor.finish().await;
    assert_eq!(supervisor.failure(), None);
}

#[tokio::test]
async fn the_first_engine_task_that_ends_unasked_is_the_failure_and_its_sentence_names_it() {
    let supervisor = Supervisor::default();
    supervisor.engine("clock", supervisor.stop(), async {});
    supervisor.failed().await;
    supervisor.engine("bell", supervisor.stop(), async { panic!("out of order") });
    supervisor.finish().await;
    let failure = supervisor.failure().expect("one ended");
    assert_eq!(*failure, Failure { task: "clock", panic: None });
    assert!(failure.to_string().starts_with("the task `clock` has ended by itself, and the server cannot go on"));
}

#[tokio::test]
async fn an_engine_task_that_panics_is_a_failure_even_where_it_was_asked_to_end() {
    let supervisor = Supervisor::default();
    let stop = supervisor.stop().clone();
    supervisor.engine("bell", supervisor.stop(), async move {
        stop.cancelled().await;
        panic!("out of {}", "order");
    });
    supervisor.finish().await;
    let failure = supervisor.failure().expect("it panicked");
    assert_eq!(failure.panic.as_deref(), Some("out of order"));
    assert!(failure.to_string().starts_with("the task `bell` has panicked (out of order), and"), "{failure}");
}

#[tokio::test]
async fn a_piece_of_work_that_panics_harms_nothing_and_whoever_awaits_it_hears_of_it() {
    let supervisor = Supervisor::default();
    let other = supervisor.crew().work("other", async { 7 });
    let panicked = supervisor.crew().work("task", async { panic!("on purpose") });
    let blocked = supervisor.crew().blocking("thread", || panic!("on purpose"));
    let (panicked, blocked): (Result<(), _>, Result<(), _>) = (panicked.await, blocked.await);
    assert!(panicked.expect_err("it panicked").is_panic() && blocked.expect_err("it panicked").is_panic());
    assert_eq!(other.await.expect("unharmed"), 7);
    supervisor.finish().await;
    assert_eq!(supervisor.failure(), None);
}

#[tokio::test]
async fn a_task_is_reached_by_a_fault_only_where_a_test_asked_for_that() {
    // Without faults no task can be made to fail.
    let supervisor = Supervisor::default();
    supervisor.engine("clock", supervisor.stop(), pending());
    assert!(supervisor.engines().is_empty() && !supervisor.fail("clock", Fault::End));
    assert!(supervisor.faults().is_none());

    for (fault, panic) in [(Fault::End, None), (Fault::Panic, Some("a fault on purpose"))] {
        let supervisor = Supervisor::with_faults();
        for _ in 0..2 {
            supervisor.engine("clock", supervisor.stop(), pending());
        }
        assert_eq!(supervisor.engines(), ["clock", "clock"]);
        assert!(supervisor.fail("clock", fault) && !supervisor.fail("bell", fault));
        supervisor.failed().await;
        let said = supervisor.failure().and_then(|failure| failure.panic.as_deref());
        assert!(said.zip(panic).is_none_or(|(said, panic)| said.contains(panic)) && said.is_some() == panic.is_some());
        assert_eq!(supervisor.engines(), ["clock"]);
    }
}

#[test]
fn watching_over_a_task_adds_at_most_32_bytes_to_it() {
    let task = async {
        let kept = [0_u8; 512];
        tokio::task::yield_now().await;
        kept
    };
    let plain = size_of_val(&task);
    let watched = AssertUnwindSafe(task).catch_unwind().map(|end| end.is_ok());
    assert!(size_of_val(&watched) <= plain + 32, "{} of {plain}", size_of_val(&watched));
}
