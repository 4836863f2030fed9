//! A proxy between a writer and PostgreSQL that cuts the connection around a commit.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use sqlx::postgres::PgConnectOptions;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What the proxy does when it sees a COMMIT.
#[derive(Clone, Copy)]
pub enum Cut {
    Nothing = 0,
    /// Cuts before the commit reaches the server.
    BeforeCommit = 1,
    /// Cuts after the commit is done, so that its answer is lost.
    AfterCommit = 2,
    /// Refuses all connections.
    Everything = 3,
    /// Accepts connections and never answers.
    Silence = 4,
}

pub struct Proxy {
    dir: PathBuf,
    next: Arc<AtomicU8>,
    cuts: Arc<watch::Sender<u32>>,
    target: Arc<OnceLock<PathBuf>>,
    task: JoinHandle<()>,
}

impl Proxy {
    pub fn start() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("parlor-proxy-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("a directory for the socket");
        let _ = std::fs::remove_file(dir.join(".s.PGSQL.5432"));
        let listener = UnixListener::bind(dir.join(".s.PGSQL.5432")).expect("a socket");
        let (next, cuts) = (Arc::new(AtomicU8::new(0)), Arc::new(watch::Sender::new(0)));
        let (told, counted, target) = (next.clone(), cuts.clone(), Arc::<OnceLock<PathBuf>>::default());
        let behind = target.clone();
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (told, counted) = (told.clone(), counted.clone());
                let target = behind.get().expect("somebody goes through it").clone();
                tokio::spawn(async move {
                    let _ = carry(client, target, &told, &counted).await; // a connection that ends is what this is about
                });
            }
        });
        Self { dir, next, cuts, target, task }
    }

    /// What to do at the next COMMIT; once for cuts, lasting for `Everything` and `Silence`.
    pub fn cut(&self, cut: Cut) {
        self.next.store(cut as u8, Ordering::SeqCst);
    }

    /// How often it has cut, or swallowed what was said.
    pub fn cuts(&self) -> u32 {
        *self.cuts.borrow()
    }

    /// Returns when it has once more than now.
    pub async fn cuts_again(&self) {
        let mut cuts = self.cuts.subscribe();
        cuts.changed().await.expect("the proxy lives");
    }

    pub fn through(&self, options: PgConnectOptions) -> PgConnectOptions {
        let socket = options.get_socket().expect("the tests' PostgreSQL is behind a socket").join(".s.PGSQL.5432");
        let _ = self.target.set(socket); // the same one, if it is there already
        options.socket(&self.dir)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

async fn carry(
    mut client: UnixStream,
    target: PathBuf,
    told: &AtomicU8,
    cuts: &watch::Sender<u32>,
) -> std::io::Result<()> {
    let mut server = UnixStream::connect(target).await?;
    let (mut up, mut down) = (vec![0; 65_536], vec![0; 65_536]);
    loop {
        tokio::select! {
            read = client.read(&mut up) => {
                let read = read?;
                if read == 0 {
                    return Ok(());
                }
                let is_commit = up[..read].windows(7).any(|bytes| bytes == b"COMMIT\0");
                match told.load(Ordering::SeqCst) {
                    1 if is_commit => {
                        told.store(0, Ordering::SeqCst);
                        cuts.send_modify(|cuts| *cuts += 1);
                        return Ok(());
                    }
                    2 if is_commit => {
                        told.store(0, Ordering::SeqCst);
                        server.write_all(&up[..read]).await?;
                        server.read_u8().await?; // the answer is on its way: committed for certain
                        cuts.send_modify(|cuts| *cuts += 1);
                        return Ok(());
                    }
                    3 => return Ok(()),
                    4 => cuts.send_modify(|cuts| *cuts += 1),
                    _ => server.write_all(&up[..read]).await?,
                }
            }
            read = server.read(&mut down) => {
                let read = read?;
                if read == 0 {
                    return Ok(());
                }
                client.write_all(&down[..read]).await?;
            }
        }
    }
}
