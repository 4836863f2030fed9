//! Every metric of the server. `docs/metrics.md` is written from this file, and the dashboard and the alerts are
//! checked against it. Values are in base units, counters end in `_total`, and no label has values that are not
//! declared here.

use super::figure::{Counter, Figure, Gauge, Histogram, Kind, Metric, Seconds};

/// The bounds of times in seconds, from what happens in memory to what a user notices.
const TIMES: &[f64] = &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// The bounds of the sizes of groups.
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

        /// All metrics, in the order of `docs/metrics.md`.
        pub static ALL: &[&dyn Figure] = &[$(&$constant),*];
    };
    (@label) => { ("", &[]) };
    (@label $label:literal: $($value:literal),+) => { ($label, &[$($value),+]) };
    (@bounds) => { &[] };
    (@bounds $bounds:expr) => { $bounds };
}

metrics! {
    // The process.
    START: Gauge = "parlor_process_start_time_seconds", "When the server started, in Unix seconds. It changes with each restart.";
    PROCESS_CPU: Seconds = "parlor_process_cpu_seconds_total", "Processor time of the process, user and system.";
    PROCESS_MEMORY: Gauge = "parlor_process_resident_memory_bytes", "Resident memory of the process.";
    PROCESS_FILES: Gauge = "parlor_process_open_files", "Open file descriptors of the process; each socket has one.";
    PROCESS_FILES_MAX: Gauge = "parlor_process_open_files_max", "Open file descriptors that the process may have.";
    RUNTIME_WORKERS: Gauge = "parlor_runtime_workers", "Threads of the runtime that run tasks.";
    RUNTIME_TASKS: Gauge = "parlor_runtime_tasks", "Tasks that are alive; each socket and each room that is awake has one.";
    RUNTIME_QUEUE: Gauge = "parlor_runtime_queue_depth", "Tasks that are ready to run and wait in the runtime's global queue.";
    RUNTIME_BUSY: Seconds = "parlor_runtime_busy_seconds_total", "Time in which the runtime's threads had tasks to run, all threads together.";
    LOAD_LEVEL: Gauge = "parlor_load_level", "The load of the node. 0: normal; 1: signals are left out and senders are slowed; 2: new sockets are refused as well.";
    MEMORY_MAX: Gauge = "parlor_memory_bytes_max", "Resident memory that the process may use, `server.memory_bytes`. The load level rises at 85 % and 95 % of it. 0: it is unknown, and memory does not count.";
    TASKS_FAILED: Counter = "parlor_tasks_failed_total" {"kind": "engine", "work"}, "Tasks that failed: engine tasks that panicked or ended by themselves (the server stops), and pieces of work that panicked (nothing else is affected). The panics of rooms are in `parlor_room_panics_total`.";
    LOG_LINES: Counter = "parlor_log_lines_total" {"level": "warn", "error"}, "Lines in the log: warnings (the server has recovered) and errors (somebody must act).";

    // Requests and sockets.
    HTTP_REQUESTS: Counter = "parlor_http_requests_total" {"status": "1xx", "2xx", "3xx", "4xx", "5xx"}, "Answered HTTP requests by class of status; a socket's handshake is a 1xx.";
    HTTP_TIMES: Histogram = "parlor_http_request_seconds" [TIMES], "Time from an HTTP request's head to its answer.";
    SOCKETS: Gauge = "parlor_sockets", "Sockets that are open.";
    SOCKETS_OPENED: Counter = "parlor_sockets_opened_total", "Sockets that were opened.";
    SOCKETS_CLOSED: Counter = "parlor_sockets_closed_total" {"cause": "peer", "slow_consumer", "silent", "session", "draining", "broken", "replaced", "busy", "flooding"}, "Sockets that the server began to close, by cause: the peer closed first; it read too slowly; it was silent; its session ended; the server stops; it broke the protocol; another socket replaced it; there was no place for it; it sent too much.";
    SOCKETS_REFUSED: Counter = "parlor_sockets_refused_total" {"at": "accept", "porch", "handshake", "connect", "pushed_out"}, "Connections for which there was no place: closed at the accept, because their address makes too many; only told so, because all places of strangers are taken or their address has its share; answered 503 `busy` at the handshake; answered `busy` at `connect` and closed; or closed to make room for another, while their user was not in.";
    COMMANDS: Counter = "parlor_commands_total" {"outcome": "taken", "refused", "unreadable"}, "Frames of clients: commands that were accepted, commands that were refused before they reached a room (invalid, too many, out of order), and frames that are not commands.";
    RATE_LIMITED: Counter = "parlor_rate_limited_total", "Commands that were refused because their user sent too many. While `parlor_load_level` is above 0, senders may send a quarter of their usual rates.";
    JOINS: Counter = "parlor_joins_total" {"outcome": "joined", "refused"}, "Joins of rooms by their outcome.";
    JOIN_TIMES: Histogram = "parlor_join_seconds" [TIMES], "Time of a join, from the command to its reply.";
    RESUMES: Counter = "parlor_resumes_total" {"outcome": "recovered", "snapshot"}, "Joins that brought a position, by their answer: every missed event, or a snapshot of the room.";

    // Rooms.
    ROOMS_AWAKE: Gauge = "parlor_rooms_awake", "Rooms that are awake on this node.";
    ROOM_WAKES: Counter = "parlor_room_wakes_total" {"outcome": "woken", "failed"}, "Rooms that were asked to wake.";
    ROOM_PANICS: Counter = "parlor_room_panics_total", "Panics of rooms. After each the room restarts from its checkpoint.";
    MAILBOX: Gauge = "parlor_room_mailbox_depth" {"of": "all", "fullest"}, "Requests that wait in the mailboxes of rooms: in all together, and in the fullest one.";
    MAILBOX_FULL: Counter = "parlor_room_mailbox_full_total", "Requests that a full mailbox refused with `busy`.";
    EVENTS: Counter = "parlor_events_total", "Events that rooms have published; each has a `seq`.";
    SIGNALS: Counter = "parlor_signals_total", "Signals that rooms have published; they may be missed.";
    SIGNALS_SHED: Counter = "parlor_signals_shed_total", "Signals that were left out because of load, counted once for each shard that would have got them.";
    REPAIRS: Counter = "parlor_repairs_total" {"outcome": "ring", "resync"}, "Shards that had missed events of a room: they were given the events from the ring, or their sockets were told to join again.";
    RESYNCS: Counter = "parlor_resyncs_total", "Users who were told to join their room again, because it moved, failed, or no longer had the events that they missed.";

    // Timelines.
    TIMELINE_EVENTS: Counter = "parlor_timeline_events_total" {"outcome": "written", "dropped"}, "Events of rooms that were written to their timelines, and that were dropped because the queue was full or the database refused them. The timeline marks what was dropped as a gap.";
    TIMELINE_QUEUE: Gauge = "parlor_timeline_queue_bytes", "Bytes of events that wait to be written to timelines; at most `room.timeline_queue_bytes`.";
    TIMELINE_SAMPLES: Counter = "parlor_timeline_samples_total" {"outcome": "equal", "different", "incomplete"}, "Live rooms that were compared with the state that their timeline gives: it was the same, it was another, or the timeline has a gap there.";

    // Delivery.
    DELIVERIES: Counter = "parlor_deliveries_total" {"class": "room", "own"}, "Frames that were given to sockets: of their rooms (one event to a thousand sockets counts a thousand), and of their own (replies, notices, balances).";
    DELIVERED_BYTES: Counter = "parlor_delivered_bytes_total" {"class": "room", "own"}, "Bytes of these frames.";
    ROOM_WRITES: Counter = "parlor_room_writes_total", "Writes of rooms' frames to sockets. `parlor_deliveries_total` of the class `room` divided by this is the number of frames per write.";
    OVERFLOWS: Counter = "parlor_outbox_overflows_total" {"class": "room", "own", "join", "signal", "total"}, "Overflows of sockets that read too slowly: by frames of their room, by frames of their own, by events during their join, or because too much waited for all sockets together (each of these closes the socket), and signals that were left out.";
    OUTBOX: Gauge = "parlor_outbox_bytes", "Bytes that wait for sockets which read too slowly, all together. Bytes that sockets share count for each.";
    OUTBOX_MAX: Gauge = "parlor_outbox_bytes_max", "Bytes that may wait for sockets. Beyond it the sockets for which most waits are closed.";
    SHARD_QUEUE: Gauge = "parlor_shard_queue_depth" {"of": "all", "fullest"}, "Messages that wait for the shards of delivery: for all together, and for the one with the fullest queue.";

    // The ledger.
    GIFTS: Counter = "parlor_gifts_total" {"outcome": "sent", "repeated", "refused", "busy", "store_unavailable", "internal"}, "Gifts by their answer: paid, an earlier answer repeated, refused by a rule, and three kinds of failure of the ledger.";
    LEDGER_QUEUE: Gauge = "parlor_ledger_queue_depth", "Orders that wait for the ledger.";
    LEDGER_QUEUE_MAX: Gauge = "parlor_ledger_queue_max", "Orders that may wait for the ledger. Beyond it the answer is `busy`.";
    LEDGER_GROUP: Histogram = "parlor_ledger_group_orders" [SIZES], "Orders that one transaction of the ledger decided.";
    LEDGER_GROUP_TIMES: Histogram = "parlor_ledger_group_seconds" [TIMES], "Time of a transaction of the ledger, from its begin to the end of its commit.";
    LEDGER_COMMIT_TIMES: Histogram = "parlor_ledger_commit_seconds" [TIMES], "Time of the commit alone, which is the time that the disk takes.";
    LEDGER_FAULTS: Counter = "parlor_ledger_faults_total" {"cause": "away", "refused", "panicked"}, "Transactions of the ledger that failed: the database was away or refused them, or a kind of posting panicked.";
    LEDGER_WELL: Gauge = "parlor_ledger_well", "1 while the ledger's writer is alive and its connection answers, otherwise 0.";
    LEDGER_ANCHORED: Gauge = "parlor_ledger_anchored_timestamp_seconds", "Unix time of the last anchor that this node made; 0 before the first. The greatest value of all nodes is that of the newest anchor.";
    ANNOUNCEMENTS_DROPPED: Counter = "parlor_ledger_announcements_dropped_total", "Commits of the ledger whose announcement was dropped because its queue was full. Rooms find the gifts in the table.";

    // The store and the cluster.
    QUERY_TIMES: Histogram = "parlor_query_seconds" [TIMES], "Time of a query of the pool, as sqlx measures it. Queries of the ledger's writer are not included.";
    POOL: Gauge = "parlor_pool_connections" {"state": "busy", "idle"}, "Connections to PostgreSQL in the pool.";
    POOL_MAX: Gauge = "parlor_pool_connections_max", "Connections that the pool may have.";
    LEASE_LEFT: Gauge = "parlor_lease_left_seconds", "For how long the node can still prove its lease; at 0 its rooms pause.";

    // Jobs.
    JOBS: Gauge = "parlor_jobs" {"state": "waiting", "running", "failed"}, "Jobs of all nodes: those that wait, those that a worker has, and those that failed for good and are kept. Counted every 15 s.";
    JOBS_OLDEST: Gauge = "parlor_jobs_oldest_seconds", "For how long the oldest due job has been due. More than some seconds mean that the workers do not keep up, or that there are none.";
    JOB_ATTEMPTS: Counter = "parlor_job_attempts_total" {"outcome": "done", "again", "failed", "lost"}, "Attempts of this node's workers, by outcome: the job was done, is tried again, failed for good, or was taken by another worker meanwhile.";
    JOB_TIMES: Histogram = "parlor_job_seconds" [TIMES], "Time of an attempt of a job, including the marking of its outcome.";

    // The voice vendor.
    VOICE_CALLS: Counter = "parlor_voice_calls_total" {"outcome": "taken", "absent", "failed", "refused"}, "Calls that tell the voice vendor what somebody may do: it took them, did not know them because they are not connected, was away or had a fault (it is told again), or refused the call (somebody must act).";
    VOICE_TOKENS: Counter = "parlor_voice_tokens_total" {"cause": "asked", "renewed"}, "Tokens for the voice vendor: those that were asked for, and those that were pushed because the one before was about to end or its user may speak now.";
    VOICE_LAG: Histogram = "parlor_voice_lag_seconds" [TIMES], "Time from a change of somebody's rights in a room until the voice vendor has it.";

    // Accounts.
    HASHES: Gauge = "parlor_password_hashes" {"state": "running", "waiting"}, "Passwords that are being hashed, and passwords that wait to be.";
    HASH_TIMES: Histogram = "parlor_password_hash_seconds" [TIMES], "Time of hashing a password, including the wait before it.";
    HASHES_REFUSED: Counter = "parlor_password_hashes_refused_total", "Requests that were answered `busy` because too many passwords waited to be hashed.";
    REVOCATIONS: Counter = "parlor_revocations_total" {"reason": "signed_out", "suspended", "token_reused"}, "Sessions that were ended, by reason.";
    REVOCATION_FAULTS: Counter = "parlor_revocation_faults_total", "How often ended sessions could not be read. Their sockets stay open meanwhile.";
}
