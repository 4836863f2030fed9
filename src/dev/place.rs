//! Where a private store lies, and which account of the system runs PostgreSQL in it.

use std::fs::{self, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::unistd::{Gid, Uid, User, chown};
use sha2::{Digest, Sha256};

use crate::start::StartError;

/// The port names the socket's file, nothing listens on it.
pub const PORT: u16 = 5432;

/// A socket's path has 108 bytes in Linux and 104 in macOS, and ends in a zero.
const SOCKET_PATH_MAX: usize = 100;

/// The folders of one store.
#[derive(Clone, Debug)]
pub struct Place {
    /// The store's own folder: below it the cluster, the log and the lock.
    pub data: PathBuf,
    /// The folder of the socket; mode 0700, which is the store's whole protection.
    pub sockets: PathBuf,
    /// Who runs PostgreSQL, where that is not who runs this: it refuses to run as root.
    pub account: Option<Account>,
    /// Set where `data` is not what was asked for, because the account could not enter that.
    pub moved_from: Option<PathBuf>,
}

/// An account of the system.
#[derive(Clone, Debug)]
pub struct Account {
    /// Its name.
    pub name: String,
    /// Its id.
    pub uid: Uid,
    /// Its group.
    pub gid: Gid,
}

impl Place {
    /// The place of the store asked for as `data`, its folders made. The same path gives the same
    /// place each time.
    pub fn of(data: &Path) -> Result<Self, StartError> {
        let account = if Uid::effective().is_root() { Some(Account::unprivileged()?) } else { None };
        let failed = |error: io::Error| {
            StartError::new(format!(
                "no store can be made in {}: give a folder that can be written to with --data",
                data.display()
            ))
            .because(error)
        };
        fs::create_dir_all(data).map_err(failed)?;
        let asked = data.canonicalize().map_err(failed)?;
        let mut place = Self { data: asked.clone(), sockets: PathBuf::new(), account, moved_from: None };
        if place.account.as_ref().is_some_and(|account| !account.can_enter(&asked)) {
            place.data = Path::new("/var/lib/parlor").join(hash(&asked));
            place.moved_from = Some(asked);
            fs::create_dir_all(&place.data).map_err(failed)?;
        }
        place.sockets = place.data.join("run");
        if place.socket().as_os_str().len() > SOCKET_PATH_MAX {
            place.sockets = Path::new("/tmp").join(format!("parlor-{}", hash(&place.data)));
        }
        place.make_private(&place.sockets).map_err(failed)?;
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

    /// The socket itself.
    pub fn socket(&self) -> PathBuf {
        self.sockets.join(format!(".s.PGSQL.{PORT}"))
    }

    /// A program that runs in here as the account does, with none of libpq's settings from outside.
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.data).stdin(Stdio::null());
        // Its own process group: Ctrl-C is for the server, which stops PostgreSQL last.
        command.process_group(0);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.as_bytes().starts_with(b"PG")) {
            command.env_remove(name);
        }
        if let Some(account) = &self.account {
            account.lend(&mut command);
        }
        command
    }

    /// A folder of mode 0700 that belongs to whoever runs PostgreSQL; an existing one must be ours,
    /// for under /tmp anybody may have made it.
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
    /// `postgres` where Debian's package made it, else `nobody`.
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

    /// Tried and not computed: mode bits, lists of access and mounts all have a say.
    fn can_enter(&self, folder: &Path) -> bool {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", ":"]).current_dir(folder).stdin(Stdio::null());
        self.lend(&mut command);
        command.status().is_ok_and(|status| status.success())
    }
}

/// Names a path in a short and steady way.
fn hash(path: &Path) -> String {
    let digest = Sha256::digest(path.as_os_str().as_bytes());
    digest[..6].iter().map(|byte| format!("{byte:02x}")).collect()
}
