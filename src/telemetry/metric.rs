//! Every metric of the server, with what it says; `docs/metrics.md` is written from here, and the dashboard and the
//! alerts are checked against it. Base units, `_total` for what only rises, no label that can grow.

use super::figure::{Counter, Figure, Gauge, Histogram, Kind, Metric, Seconds};

/// Seconds, from what memory takes to what somebody notices.
const TIMES: &[f64] = &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// How many at once.
const SIZES: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];

macro_rules! kind {
    (Seconds) => {
        Kind::Counter
    };
    ($kind:ident) => {
        Kind::$kind
    };
}

macro_rules! metrics {
    ($($constant:ident: $kind:ident = $name:literal $({ $label:literal: $($value:literal),+ })? $([$bounds:expr])?, $help:literal;)*) => {
        $(
            #[doc = $help]
            pub static $constant: $kind = $kind::new(Metric {
                name: $name,
                kind: kind!($kind),
                label: metrics!(@label $($label: $($value),+)?),
                bounds: metrics!(@bounds $($bounds)?),
                help: $help,
            });
        )*

        /// All of them, in the order of the document.
        pub static ALL: &[&dyn Figure] = &[$(&$constant),*];
    };
    (@label) => { ("", &[]) };
    (@label $label:literal: $($value:literal),+) => { ($label, &[$($value),+]) };
    (@bounds) => { &[] };
    (@bounds $bounds:expr) => { $bounds };
}

metrics! {
    // The process.
    START: Gauge = "parlor_process_start_time_seconds", "When the server started, in Unix seconds: changes with each restart.";
    PROCESS_CPU: Seconds = "parlor_process_cpu_seconds_total", "Processor time of the process, user and system.";
    PROCESS_MEMORY: Gauge = "parlor_process_resident_memory_bytes", "Resident memory of the process.";
    PROCESS_FILES: Gauge = "parlor_process_open_files", "Open file descriptors of the process; each socket is one.";
    PROCESS_FILES_MAX: Gauge = "parlor_process_open_files_max", "Open file descriptors that the process may have.";
    RUNTIME_WORKERS: Gauge = "parlor_runtime_workers", "Threads of the runtime that run tasks.";
    RUNTIME_TASKS: Gauge = "parlor_runtime_tasks", "Tasks that live; each socket and each room that is awake is one.";
    RUNTIME_QUEUE: Gauge = "parlor_runtime_queue_depth", "Tasks that are ready and that no thread has taken from the common queue.";
    RUNTIME_BUSY: Seconds = "parlor_runtime_busy_seconds_total", "Time in which the runtime's threads had tasks to run, all threads together.";
    LOAD_LEVEL: Gauge = "parlor_load_level", "0: all is done; 1: signals are left out and senders slowed; 2: new sockets are refused as well.";
    MEMORY_MAX: Gauge = "parlor_memory_bytes_max", "Resident memory that the process may have, `server.memory_bytes`: the load's level rises at 85 and 95 hundredths of it; 0: it is not looked at.";
    TASKS_FAILED: Counter = "parlor_tasks_failed_total" {"kind": "engine", "work"}, "Tasks that failed: one that the server lives with panicked or ended by itself (the server stops), and a piece of work that panicked (nothing else is harmed); a room's panic is in `parlor_room_panics_total`.";
    LOG_LINES: Counter = "parlor_log_lines_total" {"level": "warn", "error"}, "Warnings (recovered) and errors (somebody must act), as they stand in the log.";

    // Requests and sockets.
    HTTP_REQUESTS: Counter = "parlor_http_requests_total" {"status": "1xx", "2xx", "3xx", "4xx", "5xx"}, "Answered HTTP requests by class of status; a socket's handshake is a 1xx.";
    HTTP_TIMES: Histogram = "parlor_http_request_seconds" [TIMES], "Time from an HTTP request's head to its answer.";
    SOCKETS: Gauge = "parlor_sockets", "Sockets that are open.";
    SOCKETS_OPENED: Counter = "parlor_sockets_opened_total", "Sockets that were opened.";
    SOCKETS_CLOSED: Counter = "parlor_sockets_closed_total" {"cause": "peer", "slow_consumer", "silent", "session", "draining", "broken", "replaced", "busy"}, "Sockets that the server began to close: the peer closed first, was too slow, was silent, its session ended, the server stops, it broke the rules, another socket took its place, there was too much load for one more.";
    SOCKETS_REFUSED: Counter = "parlor_sockets_refused_total" {"at": "accept", "handshake", "connect"}, "Connections for which there was no place: closed at once, answered 503 `busy` to the handshake, answered `busy` to `connect` and closed.";
    COMMANDS: Counter = "parlor_commands_total" {"outcome": "taken", "refused", "unreadable"}, "Frames of clients: commands that were sent on or answered, refused before that (bad, too many, out of turn), and what was no command.";
    RATE_LIMITED: Counter = "parlor_rate_limited_total", "Commands that were refused because their user sent too many; with `parlor_load_level` above 0 it takes a fourth of them.";
    JOINS: Counter = "parlor_joins_total" {"outcome": "joined", "refused"}, "Joins of rooms by their outcome.";
    JOIN_TIMES: Histogram = "parlor_join_seconds" [TIMES], "Time of a join, from the command to its reply.";
    RESUMES: Counter = "parlor_resumes_total" {"outcome": "recovered", "snapshot"}, "Joins that brought a position: every missed event was given, or the room as a snapshot.";

    // Rooms.
    ROOMS_AWAKE: Gauge = "parlor_rooms_awake", "Rooms that are awake on this node.";
    ROOM_WAKES: Counter = "parlor_room_wakes_total" {"outcome": "woken", "failed"}, "Rooms that were asked to wake.";
    ROOM_PANICS: Counter = "parlor_room_panics_total", "Rooms that started anew after a panic.";
    MAILBOX: Gauge = "parlor_room_mailbox_depth" {"of": "all", "fullest"}, "Requests that wait in the mailboxes of rooms: of all together, and of the one that has most.";
    MAILBOX_FULL: Counter = "parlor_room_mailbox_full_total", "Requests that a full mailbox refused with `busy`.";
    EVENTS: Counter = "parlor_events_total", "Events that rooms have published; each has a `seq`.";
    SIGNALS: Counter = "parlor_signals_total", "Signals that rooms have published; they may be missed.";
    SIGNALS_SHED: Counter = "parlor_signals_shed_total", "Signals that were left out for the load, once for each shard that would have had them.";
    REPAIRS: Counter = "parlor_repairs_total" {"outcome": "ring", "resync"}, "Shards that had missed events of a room: they were given them, or their sockets were sent back for a snapshot.";
    RESYNCS: Counter = "parlor_resyncs_total", "Users who were told to join their room anew, because it moved, failed, or had lost what they missed.";

    // Delivery.
    DELIVERIES: Counter = "parlor_deliveries_total" {"class": "room", "own"}, "Frames given to sockets: of their room (one event to a thousand sockets is a thousand), and their own (replies, notices, balances).";
    DELIVERED_BYTES: Counter = "parlor_delivered_bytes_total" {"class": "room", "own"}, "Bytes of these frames.";
    ROOM_WRITES: Counter = "parlor_room_writes_total", "Writes of rooms' frames into sockets: `parlor_deliveries_total` of the class room divided by it is how many leave together.";
    OVERFLOWS: Counter = "parlor_outbox_overflows_total" {"class": "room", "own", "join", "signal", "total"}, "What did not fit before a socket that reads too slowly: frames of its room or its own (the socket is closed), what came during its join (closed as well), signals (dropped), and what waited for it where too much waited for all (closed as well).";
    OUTBOX: Gauge = "parlor_outbox_bytes", "Bytes that wait for sockets which read too slowly, of all together; what sockets share counts for each.";
    OUTBOX_MAX: Gauge = "parlor_outbox_bytes_max", "Bytes that may wait; beyond it the sockets for which most waits are closed.";
    SHARD_QUEUE: Gauge = "parlor_shard_queue_depth" {"of": "all", "fullest"}, "Messages that wait for the shards of delivery: of all together, and of the one that has most.";

    // The ledger.
    GIFTS: Counter = "parlor_gifts_total" {"outcome": "sent", "repeated", "refused", "busy", "store_unavailable", "internal"}, "Gifts by their answer: paid, an earlier answer given again, refused by the rules, and the three of a ledger in trouble.";
    LEDGER_QUEUE: Gauge = "parlor_ledger_queue_depth", "Orders that wait for the ledger.";
    LEDGER_QUEUE_MAX: Gauge = "parlor_ledger_queue_max", "Orders that may wait; beyond it the answer is `busy`.";
    LEDGER_GROUP: Histogram = "parlor_ledger_group_orders" [SIZES], "Orders that one transaction settled.";
    LEDGER_GROUP_TIMES: Histogram = "parlor_ledger_group_seconds" [TIMES], "Time of such a transaction, from begin to the end of its commit.";
    LEDGER_COMMIT_TIMES: Histogram = "parlor_ledger_commit_seconds" [TIMES], "Time of its commit alone: what the disk takes.";
    LEDGER_FAULTS: Counter = "parlor_ledger_faults_total" {"cause": "away", "refused"}, "Transactions that failed: the store was away, or would not have them.";
    LEDGER_WELL: Gauge = "parlor_ledger_well", "1 while the writer lives and its connection answers, else 0.";
    LEDGER_ANCHORED: Gauge = "parlor_ledger_anchored_timestamp_seconds", "Unix time of the last anchor that this node made; the greatest of all nodes is the newest. 0 before the first.";
    ANNOUNCEMENTS_DROPPED: Counter = "parlor_ledger_announcements_dropped_total", "Commits whose announcement found no place; rooms find them in the table.";

    // The store and the cluster.
    QUERY_TIMES: Histogram = "parlor_query_seconds" [TIMES], "Time of a query of the pool, as sqlx tells it; those of the ledger's writer are not among them.";
    POOL: Gauge = "parlor_pool_connections" {"state": "busy", "idle"}, "Connections to PostgreSQL in the pool.";
    POOL_MAX: Gauge = "parlor_pool_connections_max", "Connections that the pool may have.";
    LEASE_LEFT: Gauge = "parlor_lease_left_seconds", "For how long the node can still prove its lease; at 0 its rooms pause.";

    // Jobs.
    JOBS: Gauge = "parlor_jobs" {"state": "waiting", "running", "failed"}, "Jobs of all nodes that wait, that a worker has, and that failed for good and are kept; looked at every 15 s.";
    JOBS_OLDEST: Gauge = "parlor_jobs_oldest_seconds", "For how long the oldest due job has been due: more than seconds say that the workers do not keep up, or that there are none.";
    JOB_ATTEMPTS: Counter = "parlor_job_attempts_total" {"outcome": "done", "again", "failed", "lost"}, "Attempts of this node's workers: the job was done, is tried again, failed for good, or had been taken by another worker meanwhile.";
    JOB_TIMES: Histogram = "parlor_job_seconds" [TIMES], "Time of an attempt, with its mark.";

    // Accounts.
    HASHES: Gauge = "parlor_password_hashes" {"state": "running", "waiting"}, "Passwords that are being hashed, and that wait for it.";
    HASH_TIMES: Histogram = "parlor_password_hash_seconds" [TIMES], "Time of a hash, with its wait.";
    HASHES_REFUSED: Counter = "parlor_password_hashes_refused_total", "Passwords that found the queue full and were answered `busy`.";
    REVOCATIONS: Counter = "parlor_revocations_total" {"reason": "signed_out", "suspended", "token_reused"}, "Sessions that were ended, by why.";
    REVOCATION_FAULTS: Counter = "parlor_revocation_faults_total", "Times that ended sessions could not be read: their sockets stay meanwhile.";
}
