//! The folders of a private store, and the account of the system that runs PostgreSQL in it.

use std::fs::{self, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::unistd::{Gid, Uid, User, chown};
use sha2::{Digest, Sha256};

use crate::kit::hex::hex;
use crate::start::StartError;

/// The port number in the name of the socket's file. Nothing listens on this port.
pub const PORT: u16 = 5432;

/// The longest path of a socket that is used, in bytes. Linux allows 108 and macOS 104, with a zero at the end.
const SOCKET_PATH_MAX: usize = 100;

/// The folders of one store.
#[derive(Clone, Debug)]
pub struct Place {
    /// The store's own folder, which contains the cluster, the log and the lock.
    pub data: PathBuf,
    /// The folder of the socket. Its mode 0700 is the store's only protection, because no role has a password.
    pub sockets: PathBuf,
    /// The account that runs PostgreSQL, if it is not the program's own: PostgreSQL refuses to run as root.
    pub account: Option<Account>,
    /// The folder that was asked for, if the account could not enter it and `data` is another one.
    pub moved_from: Option<PathBuf>,
}

/// An account of the system.
#[derive(Clone, Debug)]
pub struct Account {
    /// The login name.
    pub name: String,
    /// The number of the user.
    pub uid: Uid,
    /// The number of the user's main group.
    pub gid: Gid,
}

impl Place {
    /// The place of the store that was asked for as `data`; its folders are made. The same path gives the same place
    /// each time.
    ///
    /// # Errors
    /// The folders cannot be made, or belong to somebody else, or this is root and the system has no account that
    /// could run PostgreSQL.
    pub fn of(data: &Path) -> Result<Self, StartError> {
        let failed = |error: io::Error| {
            StartError::new(format!(
                "no store can be made in {}: give a folder that can be written to with --data",
                data.display()
            ))
            .because(error)
        };
        fs::create_dir_all(data).map_err(failed)?;
        let place = Self::named(&data.canonicalize().map_err(failed)?)?;
        fs::create_dir_all(&place.data).map_err(failed)?;
        place.make_private(&place.sockets).map_err(failed)?;
        Ok(place)
    }

    /// Whether a store was ever made at `data`. Nothing is made.
    ///
    /// # Errors
    /// As for [`Place::of`].
    pub fn has_store(data: &Path) -> Result<bool, StartError> {
        match data.canonicalize() {
            Ok(asked) => Ok(Self::named(&asked)?.cluster().is_dir()),
            Err(_) => Ok(false),
        }
    }

    /// The place of a folder that exists; `asked` is its whole path.
    fn named(asked: &Path) -> Result<Self, StartError> {
        let account = if Uid::effective().is_root() { Some(Account::unprivileged()?) } else { None };
        let mut place = Self { data: asked.to_owned(), sockets: PathBuf::new(), account, moved_from: None };
        if place.account.as_ref().is_some_and(|account| !account.can_enter(asked)) {
            place.data = Path::new("/var/lib/parlor").join(hash(asked));
            place.moved_from = Some(asked.to_owned());
        }
        place.sockets = place.data.join("run");
        if place.socket().as_os_str().len() > SOCKET_PATH_MAX {
            place.sockets = Path::new("/tmp").join(format!("parlor-{}", hash(&place.data)));
        }
        Ok(place)
    }

    /// PostgreSQL's data directory.
    pub fn cluster(&self) -> PathBuf {
        self.data.join("postgres")
    }

    /// PostgreSQL's log.
    pub fn log(&self) -> PathBuf {
        self.data.join("postgres.log")
    }

    /// The socket's file.
    pub fn socket(&self) -> PathBuf {
        self.sockets.join(format!(".s.PGSQL.{PORT}"))
    }

    /// A command that runs `program` in the store's folder as the store's account, without the environment's settings
    /// for libpq.
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.data).stdin(Stdio::null());
        // The program has its own process group, so that Ctrl-C reaches only the server, which stops PostgreSQL last.
        command.process_group(0);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.as_bytes().starts_with(b"PG")) {
            command.env_remove(name);
        }
        if let Some(account) = &self.account {
            account.lend(&mut command);
        }
        command
    }

    /// Makes a folder of mode 0700 that belongs to the account that runs PostgreSQL. A folder that exists must belong
    /// to this program or that account, because under /tmp anybody may have made it.
    pub(super) fn make_private(&self, folder: &Path) -> io::Result<()> {
        match fs::create_dir(folder) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let found = fs::symlink_metadata(folder)?;
        let owner = self.account.as_ref().map_or_else(Uid::effective, |account| account.uid);
        if !found.is_dir() || ![owner.as_raw(), Uid::effective().as_raw()].contains(&found.uid()) {
            return Err(io::Error::other(format!("{} belongs to somebody else", folder.display())));
        }
        fs::set_permissions(folder, Permissions::from_mode(0o700))?;
        if let Some(account) = &self.account {
            chown(folder, Some(account.uid), Some(account.gid))?;
        }
        Ok(())
    }
}

impl Account {
    /// The account that runs PostgreSQL for root: `postgres`, which Debian's package makes, else `nobody`.
    fn unprivileged() -> Result<Self, StartError> {
        ["postgres", "nobody"]
            .iter()
            .find_map(|name| User::from_name(name).ok().flatten())
            .map(|user| Self { name: user.name, uid: user.uid, gid: user.gid })
            .ok_or_else(|| {
                StartError::new(
                    "PostgreSQL does not run as root, and this system has no account `postgres` or `nobody`: \
                     run this as an ordinary user",
                )
            })
    }

    fn lend(&self, command: &mut Command) {
        command.uid(self.uid.as_raw()).gid(self.gid.as_raw());
    }

    /// Whether the account can enter a folder. A command is tried there, because mode bits, access lists and mounts all
    /// decide about it.
    fn can_enter(&self, folder: &Path) -> bool {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", ":"]).current_dir(folder).stdin(Stdio::null());
        self.lend(&mut command);
        command.status().is_ok_and(|status| status.success())
    }
}

/// A short name for a path, the same each time: 12 hexadecimal digits of its SHA-256.
fn hash(path: &Path) -> String {
    let digest = Sha256::digest(path.as_os_str().as_bytes());
    hex(&digest[..6])
}
