//! The real program as a child process: started, killed at any moment, started again at the same address.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

/// A `parlor serve` on an address of its own.
pub struct Program {
    pub address: SocketAddr,
    settings: Vec<(String, String)>,
    child: Child,
}

impl Program {
    /// Starts `parlor serve` against this database (as parlor_app) and waits until it listens.
    pub async fn serve(database_url: &str, settings: &[(&str, &str)]) -> Self {
        let address = free_address().await;
        let mut all = vec![
            ("DATABASE_URL".to_owned(), database_url.to_owned()),
            ("PARLOR__SERVER__ADDRESS".to_owned(), address.to_string()),
        ];
        all.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let child = start(&all).await.expect("the server starts");
        Self { address, settings: all, child }
    }

    /// SIGKILL: no goodbye, nothing flushed.
    pub async fn kill(&mut self) {
        self.child.kill().await.expect("the server can be killed");
    }

    /// Starts it again at the same address. While the store is away it may take several tries.
    pub async fn start_again(&mut self) {
        for _ in 0..100 {
            match start(&self.settings).await {
                Ok(child) => {
                    self.child = child;
                    return;
                }
                Err(output) => {
                    eprintln!("the server did not start: {output}");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
        panic!("the server did not start again");
    }

    /// Runs another command of the program with the same settings, to its end.
    pub async fn command(&self, arguments: &[&str]) -> std::process::Output {
        Command::new(env!("CARGO_BIN_EXE_parlor"))
            .args(arguments)
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .output()
            .await
            .expect("the program runs")
    }

    /// The base of REST addresses.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

async fn start(settings: &[(String, String)]) -> Result<Child, String> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_parlor"))
        .arg("serve")
        .envs(settings.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| error.to_string())?;
    let mut lines = BufReader::new(child.stdout.take().expect("stdout is piped")).lines();
    let mut output = String::new();
    while let Ok(Some(line)) = lines.next_line().await {
        if line.contains("http://") {
            // Keep reading, so that the pipe never fills.
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return Ok(child);
        }
        output.push_str(&line);
        output.push('\n');
    }
    let _ = child.wait().await;
    Err(output)
}

/// An address on loopback that was free a moment ago.
pub async fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
    listener.local_addr().expect("a bound listener has an address")
}
