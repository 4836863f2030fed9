//! A real PostgreSQL for tests: one cluster a test process, a fresh migrated database a test.
//!
//! The cluster is the supervisor's of `parlor dev`, without fsync, in a slot below `target/tmp` that is
//! kept between runs (starting it again takes a tenth of making one). It dies with the test process,
//! however that ends. `PARLOR_TEST_PG=<socket folder>` takes a running one with the same roles instead.

use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use parlor::db;
use parlor::dev::{self, Durability, Options, Place, Postgres, StoreLock};
use sha2::{Digest, Sha256};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection, PgPool};
use tokio::sync::OnceCell;
use uuid::Uuid;

const OPTIONS: Options = Options { durability: Durability::Off, restart: false, connections: 400 };
/// Any number, the same in all test processes: only one at a time makes the template.
const TEMPLATE_LOCK: i64 = 0x7061_726c_6f72;

/// A database of one test, migrated, empty but for what migrations put there. Dropped when this is.
pub struct Database {
    /// Its name.
    pub name: String,
    /// As the role that serves.
    pub app: PgPool,
    /// As the role that reads the books.
    pub audit: PgPool,
    /// As the role that owns the schema.
    pub owner: PgPool,
    /// As the superuser, to tamper with.
    pub superuser: PgPool,
    /// The PostgreSQL it is in.
    pub cluster: Arc<Cluster>,
}

impl Database {
    /// One in the test process's cluster.
    pub async fn fresh() -> Self {
        Self::fresh_in(&Cluster::shared().await).await
    }

    /// One in this cluster.
    pub async fn fresh_in(cluster: &Arc<Cluster>) -> Self {
        let template = cluster.template().await;
        Self::create(cluster, &format!("template {template}")).await
    }

    /// One that is not migrated, in the test process's cluster.
    pub async fn empty() -> Self {
        Self::empty_in(&Cluster::shared().await).await
    }

    /// One that is not migrated, in this cluster.
    pub async fn empty_in(cluster: &Arc<Cluster>) -> Self {
        // The template's making makes the roles.
        cluster.template().await;
        Self::create(cluster, "").await
    }

    async fn create(cluster: &Arc<Cluster>, like: &str) -> Self {
        let name = format!("t_{}", Uuid::now_v7().simple());
        let mut conn = cluster.superuser("postgres").await;
        execute(&mut conn, format!("create database {name} {like} owner parlor_owner")).await;
        if !like.is_empty() {
            // A copy does not get the rights of the database that it was made from.
            execute(&mut conn, format!("revoke create, temporary on database {name} from public")).await;
        }
        let pool = |role: &str| {
            PgPoolOptions::new()
                .max_connections(10)
                .acquire_timeout(Duration::from_secs(3))
                .connect_lazy_with(cluster.place.options(role, &name))
        };
        Self {
            app: pool("parlor_app"),
            audit: pool("parlor_audit"),
            owner: pool("parlor_owner"),
            superuser: pool("postgres"),
            cluster: Arc::clone(cluster),
            name,
        }
    }

    /// A connection as the superuser, to tamper with.
    pub async fn as_superuser(&self) -> PgConnection {
        self.cluster.superuser(&self.name).await
    }

    /// How a role reaches it: `parlor_app`, `parlor_owner`, `parlor_audit`, `postgres`.
    pub fn options(&self, role: &str) -> PgConnectOptions {
        self.cluster.place.options(role, &self.name)
    }

    /// How a ledger's writer reaches it.
    pub fn writer(&self) -> PgConnectOptions {
        self.options("parlor_app")
    }

    /// `DATABASE_URL` for a program.
    pub fn app_url(&self) -> String {
        self.cluster.place.url("parlor_app", &self.name)
    }

    /// As the role that reads the books.
    pub fn audit_url(&self) -> String {
        self.cluster.place.url("parlor_audit", &self.name)
    }

    /// `DATABASE_OWNER_URL` for a program.
    pub fn owner_url(&self) -> String {
        self.cluster.place.url("parlor_owner", &self.name)
    }

    /// An address with far too many rights.
    pub fn superuser_url(&self) -> String {
        self.cluster.place.url("postgres", &self.name)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // Best effort: what is left of it goes when the slot is used again.
        let _ = self.cluster.dropped.send(self.name.clone());
    }
}

/// A PostgreSQL of this test process.
pub struct Cluster {
    /// Its folders.
    pub place: Place,
    template: OnceCell<String>,
    dropped: mpsc::Sender<String>,
    /// `None` while killed, and for one that somebody else runs. Stopped before the lock is let go.
    postgres: Mutex<Option<Postgres>>,
    lock: Option<StoreLock>,
}

impl Cluster {
    /// The one that all tests of the process share.
    pub async fn shared() -> Arc<Self> {
        static SHARED: OnceCell<Arc<Cluster>> = OnceCell::const_new();
        let start = async || match std::env::var_os("PARLOR_TEST_PG") {
            Some(sockets) => Self::running(PathBuf::from(sockets)),
            None => Self::private().await,
        };
        Arc::clone(SHARED.get_or_init(start).await)
    }

    /// One for a test that kills it. It is stopped when the last hold on it goes.
    pub async fn private() -> Arc<Self> {
        let started = tokio::task::spawn_blocking(|| {
            let (place, lock) = free_slot();
            // A slot that no longer starts is made anew: nothing in it is worth keeping.
            let postgres = Postgres::start(&place, OPTIONS).or_else(|_| {
                std::fs::remove_dir_all(place.cluster()).expect("a slot's cluster can be removed");
                Postgres::start(&place, OPTIONS)
            });
            (place, lock, postgres.expect("the tests' PostgreSQL starts"))
        });
        let (place, lock, postgres) = started.await.expect("starting PostgreSQL does not panic");
        let cluster = Self::new(place, Some(postgres), Some(lock));
        cluster.sweep().await;
        cluster
    }

    fn running(sockets: PathBuf) -> Arc<Self> {
        Self::new(Place { data: sockets.clone(), sockets, account: None, moved_from: None }, None, None)
    }

    fn new(place: Place, postgres: Option<Postgres>, lock: Option<StoreLock>) -> Arc<Self> {
        let (dropped, names) = mpsc::channel();
        let superuser = place.options("postgres", "postgres");
        std::thread::spawn(move || drop_databases(&superuser, &names));
        Arc::new(Self { place, template: OnceCell::new(), dropped, postgres: Mutex::new(postgres), lock })
    }

    /// Kills PostgreSQL with SIGKILL; its socket stays where it is.
    pub async fn kill(&self) {
        let postgres = self.hold().take().expect("this cluster runs, and is the test's own");
        let killed = tokio::task::spawn_blocking(move || {
            postgres.kill();
            drop(postgres);
        });
        killed.await.expect("killing PostgreSQL does not panic");
    }

    /// Starts it again after [`kill`](Self::kill), at the same address, with what was committed.
    pub async fn start_again(&self) {
        assert!(self.lock.is_some(), "this cluster is the test's own");
        let place = self.place.clone();
        let started = tokio::task::spawn_blocking(move || Postgres::start(&place, OPTIONS));
        let postgres = started.await.expect("starting PostgreSQL does not panic").expect("it starts again");
        *self.hold() = Some(postgres);
    }

    /// A connection as the superuser.
    pub async fn superuser(&self, database: &str) -> PgConnection {
        self.place.options("postgres", database).connect().await.expect("the tests' PostgreSQL takes connections")
    }

    fn hold(&self) -> std::sync::MutexGuard<'_, Option<Postgres>> {
        self.postgres.lock().expect("nobody panics while holding it")
    }

    /// Databases of earlier runs.
    async fn sweep(&self) {
        let mut conn = self.superuser("postgres").await;
        let template = template_name();
        let left = "select datname from pg_database where datname like 't\\_%' or datname like 'template\\_%'";
        let left: Vec<String> = sqlx::query_scalar(left).fetch_all(&mut conn).await.expect("databases can be listed");
        for name in left.into_iter().filter(|name| *name != template) {
            execute(&mut conn, format!("drop database if exists {name} with (force)")).await;
        }
    }

    /// The migrated database that the others are copies of, made once for these migrations.
    async fn template(&self) -> &str {
        let make = async || {
            let name = template_name();
            let mut conn = self.superuser("postgres").await;
            execute(&mut conn, format!("select pg_advisory_lock({TEMPLATE_LOCK})")).await;
            let there: bool = sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
                .bind(&name)
                .fetch_one(&mut conn)
                .await
                .expect("databases can be listed");
            if !there {
                let unfinished = format!("{name}_new");
                dev::store::create_roles(&mut conn).await.expect("the superuser makes roles");
                execute(&mut conn, format!("drop database if exists {unfinished} with (force)")).await;
                execute(&mut conn, format!("create database {unfinished} owner parlor_owner")).await;
                let owner = self.place.options("parlor_owner", &unfinished);
                db::migrate(&owner, &|_| ()).await.expect("the migrations apply");
                execute(&mut conn, format!("alter database {unfinished} rename to {name}")).await;
            }
            name
        };
        self.template.get_or_init(make).await
    }
}

async fn execute(conn: &mut PgConnection, sql: String) {
    let done = sqlx::query(AssertSqlSafe(sql.clone())).execute(conn).await;
    done.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// Named for its migrations, so that changed ones make another.
fn template_name() -> String {
    let mut digest = Sha256::new();
    for migration in db::MIGRATIONS.iter() {
        digest.update(&migration.checksum);
    }
    format!("template_{}", digest.finalize()[..6].iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

/// The first folder that no other test process uses.
fn free_slot() -> (Place, StoreLock) {
    for slot in 0..64 {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("store-{slot}"));
        let place = Place::of(&folder).expect("the target folder can be written to");
        if let Some(lock) = StoreLock::take(&place.data, "tests").expect("a slot can be locked") {
            return (place, lock);
        }
    }
    panic!("64 test clusters run already");
}

/// Drops databases behind the tests, in a thread with a runtime of its own: a test's ends with it.
fn drop_databases(superuser: &PgConnectOptions, names: &mpsc::Receiver<String>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a small runtime is built");
    while let Ok(name) = names.recv() {
        let _ = runtime.block_on(async {
            let mut conn = superuser.connect().await?;
            let drop = format!("drop database if exists {name} with (force)");
            sqlx::query(AssertSqlSafe(drop)).execute(&mut conn).await
        });
    }
}
