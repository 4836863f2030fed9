//! A proxy between clients and the server that cuts connections at random places, or lets nothing through.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use rand::RngExt as _;
use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The proxy. At first it cuts nothing.
pub(super) struct Cutter {
    pub(super) address: SocketAddr,
    stormy: Arc<AtomicBool>,
    cuts: Arc<AtomicU32>,
    holds: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Cutter {
    pub(super) async fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let (stormy, cuts) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
        let (holds, held) = watch::channel(false);
        let (storm, counted) = (stormy.clone(), cuts.clone());
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (storm, counted, held) = (storm.clone(), counted.clone(), held.clone());
                tokio::spawn(async move {
                    // Connections are meant to end here.
                    if carry(client, server, &storm, held).await.is_ok_and(|cut| cut) {
                        counted.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        Self { address, stormy, cuts, holds, task }
    }

    /// Starts or stops cutting every connection at a random place.
    pub(super) fn storm(&self, stormy: bool) {
        self.stormy.store(stormy, Ordering::Relaxed);
    }

    /// Stops reading from the server, or resumes.
    pub(super) fn hold(&self, holds: bool) {
        self.holds.send_replace(holds);
    }

    /// The counter of cuts, which tasks can share.
    pub(super) fn counter(&self) -> Arc<AtomicU32> {
        self.cuts.clone()
    }

    /// The number of cuts so far.
    pub(super) fn cuts(&self) -> u32 {
        self.cuts.load(Ordering::Relaxed)
    }
}

impl Drop for Cutter {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Carries a random number of bytes, which is drawn for each connection: some end in the handshake, some in the join, some
/// much later, anywhere in a frame. Returns whether the connection was cut.
async fn carry(
    mut client: TcpStream,
    server: SocketAddr,
    stormy: &AtomicBool,
    mut holds: watch::Receiver<bool>,
) -> std::io::Result<bool> {
    let mut server = TcpStream::connect(server).await?;
    for stream in [&client, &server] {
        stream.set_nodelay(true)?;
    }
    // A cut takes effect at once and loses all bytes under way.
    SockRef::from(&client).set_linger(Some(Duration::ZERO))?;
    SockRef::from(&server).set_linger(Some(Duration::ZERO))?;
    // One in six connections lives long enough for the largest reply to a join; else a user who is far behind never joins.
    let size = if rand::rng().random_ratio(1, 6) { 16 } else { rand::rng().random_range(7..15) };
    let mut budget: usize = rand::rng().random_range(1..1_usize << size);
    let (mut up, mut down) = (vec![0; 65_536], vec![0; 65_536]);
    loop {
        let held = *holds.borrow_and_update();
        let (from_client, read) = tokio::select! {
            read = client.read(&mut up) => (true, read?),
            read = server.read(&mut down), if !held => (false, read?),
            _ = holds.changed() => continue,
        };
        if read == 0 {
            return Ok(false);
        }
        let cut = stormy.load(Ordering::Relaxed) && read >= budget;
        let passed = if cut { budget } else { read };
        if from_client {
            server.write_all(&up[..passed]).await?;
        } else {
            client.write_all(&down[..passed]).await?;
        }
        if cut {
            return Ok(true);
        }
        if stormy.load(Ordering::Relaxed) {
            budget -= read;
        }
    }
}
