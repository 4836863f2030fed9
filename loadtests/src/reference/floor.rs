//! The floor: a chat server that decides nothing. One thread waits with epoll and writes ready-made frames.
//!
//! A socket opened at `/r/3` belongs to room 3; each message that it sends goes to every socket of the room.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use parlor_protocol::frame;

const ACCEPTED: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n";
const LISTENER: u64 = u64::MAX;
const EVENTS: usize = 1_024;
const READ_BYTES: usize = 64 * 1024;

struct Peer {
    stream: TcpStream,
    room: Option<usize>,
    partial: Vec<u8>,
}

/// Prints its address and serves until it is killed.
///
/// # Errors
/// An error of a system call.
pub fn serve(frame_bytes: usize, coalesces: bool) -> io::Result<()> {
    // The limit may be as high as it can be already.
    let _ = crate::process::allow_files(19_900, "the reference");
    let listener = TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    println!("{}", listener.local_addr()?);
    let epoll = Epoll::new(EpollCreateFlags::empty())?;
    epoll.add(&listener, EpollEvent::new(EpollFlags::EPOLLIN, LISTENER))?;
    let ready = super::frame(frame_bytes);
    let mut peers: HashMap<u64, Peer> = HashMap::new();
    let mut rooms: HashMap<usize, Vec<u64>> = HashMap::new();
    let mut events = vec![EpollEvent::empty(); EVENTS];
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let count = epoll.wait(&mut events, EpollTimeout::NONE)?;
        let mut gathered: HashMap<usize, usize> = HashMap::new();
        for event in &events[..count] {
            if event.data() == LISTENER {
                accept(&listener, &epoll, &mut peers)?;
                continue;
            }
            let Some(peer) = peers.get_mut(&event.data()) else { continue };
            match messages(peer, &mut buffer) {
                Ok((joined, said)) => {
                    if let Some(room) = joined {
                        rooms.entry(room).or_default().push(event.data());
                    }
                    let Some(room) = peer.room.filter(|_| said > 0) else { continue };
                    if coalesces {
                        *gathered.entry(room).or_default() += said;
                    } else {
                        (0..said).for_each(|_| tell(&rooms, &peers, room, &ready));
                    }
                }
                Err(_) => {
                    // The peer has gone: its room forgets it.
                    let gone = peers.remove(&event.data());
                    if let Some(room) = gone.and_then(|peer| peer.room) {
                        rooms.entry(room).or_default().retain(|key| *key != event.data());
                    }
                }
            }
        }
        for (room, said) in gathered {
            tell(&rooms, &peers, room, &ready.repeat(said));
        }
    }
}

fn accept(listener: &TcpListener, epoll: &Epoll, peers: &mut HashMap<u64, Peer>) -> io::Result<()> {
    loop {
        let stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        };
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        let key = u64::try_from(stream.as_raw_fd()).expect("a descriptor is not negative");
        epoll.add(&stream, EpollEvent::new(EpollFlags::EPOLLIN, key))?;
        peers.insert(key, Peer { stream, room: None, partial: Vec::new() });
    }
}

/// Reads what has arrived. Returns the room if the peer has just joined one, and how many messages it sent.
fn messages(peer: &mut Peer, buffer: &mut [u8]) -> io::Result<(Option<usize>, usize)> {
    let read = match peer.stream.read(buffer) {
        Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
        Ok(read) => read,
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok((None, 0)),
        Err(error) => return Err(error),
    };
    peer.partial.extend_from_slice(&buffer[..read]);
    if peer.room.is_none() {
        let Some(end) = peer.partial.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok((None, 0)) };
        let head = String::from_utf8_lossy(&peer.partial[..end]).into_owned();
        let room = head.strip_prefix("GET /r/").and_then(|rest| rest.split(' ').next()?.parse().ok()).unwrap_or(0);
        peer.partial.drain(..end + 4);
        peer.room = Some(room);
        peer.stream.write_all(ACCEPTED)?;
        return Ok((Some(room), 0));
    }
    let (mut said, mut at) = (0, 0);
    while let Ok(Some(frame)) = frame::read(&mut peer.partial[at..], READ_BYTES) {
        at += frame.end;
        match frame.opcode {
            frame::Opcode::Text => said += 1,
            frame::Opcode::Close => return Err(io::ErrorKind::UnexpectedEof.into()),
            _ => {}
        }
    }
    peer.partial.drain(..at);
    Ok((None, said))
}

fn tell(rooms: &HashMap<usize, Vec<u64>>, peers: &HashMap<u64, Peer>, room: usize, bytes: &[u8]) {
    for peer in rooms.get(&room).into_iter().flatten().filter_map(|key| peers.get(key)) {
        let mut rest = bytes;
        // One `send` for each socket; only a full socket is tried again.
        while !rest.is_empty() {
            match (&peer.stream).write(rest) {
                Ok(written) => rest = &rest[written..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::thread::yield_now(),
                Err(_) => break,
            }
        }
    }
}
