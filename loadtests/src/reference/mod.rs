//! The references that Parlor is compared with in the same run: the floor, which does only what any server must do, and
//! the textbook, which does what the tutorials do.

pub mod crowd;
pub mod floor;
pub mod gifts;
pub mod textbook;

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

/// A reference in a process of its own, so that its CPU time can be measured. Dropping it ends the process.
#[derive(Debug)]
pub struct Reference {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

/// The references for chat.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Which {
    /// Writes ready-made frames, with one `send` per delivery.
    Floor,
    /// Writes ready-made frames, and all frames that one turn has for a socket with one `send`.
    CoalescedFloor,
    /// The chat server of the tutorials.
    Textbook,
}

impl Which {
    /// The first argument of the process.
    pub const fn argument(self) -> &'static str {
        match self {
            Self::Floor => "reference-floor",
            Self::CoalescedFloor => "reference-coalesced-floor",
            Self::Textbook => "reference-textbook",
        }
    }
}

impl Reference {
    /// Starts this program again as the reference; its frames have `frame_bytes` bytes.
    ///
    /// # Errors
    /// The reason why it did not start.
    pub fn start(which: Which, frame_bytes: usize) -> Result<Self, String> {
        let own = std::env::current_exe().map_err(|error| error.to_string())?;
        let mut child = Command::new(own)
            .args([which.argument(), &frame_bytes.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| error.to_string())?;
        let mut line = String::new();
        // If nothing can be read, the line stays empty and the start counts as failed below.
        let _ = BufReader::new(child.stdout.take().expect("it is piped")).read_line(&mut line);
        match line.trim().parse() {
            Ok(address) => Ok(Self { child, address }),
            Err(_) => {
                // It may have ended by itself.
                let _ = child.kill();
                let _ = child.wait();
                Err(format!("the reference {} did not start", which.argument()))
            }
        }
    }

    /// The id of the reference's process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs as a reference if the arguments ask for one. Returns false if they do not.
///
/// # Errors
/// The error that ended the reference.
pub fn run_as_reference(arguments: &[String]) -> Result<bool, String> {
    let [_, which, frame_bytes] = arguments else { return Ok(false) };
    let bytes = frame_bytes.parse::<usize>();
    let words = |error: std::io::Error| error.to_string();
    match (which.as_str(), bytes) {
        ("reference-floor", Ok(bytes)) => floor::serve(bytes, false).map_err(words)?,
        ("reference-coalesced-floor", Ok(bytes)) => floor::serve(bytes, true).map_err(words)?,
        ("reference-textbook", Ok(_)) => textbook::serve().map_err(words)?,
        _ => return Ok(false),
    }
    Ok(true)
}

/// A text frame as a server writes it, of this many bytes in all; the payload is dots.
fn frame(bytes: usize) -> Vec<u8> {
    let payload = bytes.saturating_sub(4).max(126);
    let mut frame = vec![0x81, 126];
    frame.extend_from_slice(&u16::try_from(payload).unwrap_or(u16::MAX).to_be_bytes());
    frame.resize(4 + payload, b'.');
    frame
}
