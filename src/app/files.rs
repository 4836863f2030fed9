//! The open files of the process: each connection is one. At the start the limit is raised as far as the system allows,
//! and connections are held to what is left of it, so that the database and the disk never find none.

use crate::cluster::Mode;
use crate::config::Settings;
use crate::load;
use crate::start::StartError;

/// The files that are kept back beside the pool's: standard streams, the runtime, listeners, the ledger's and the lease's
/// connections, uploads and pictures in a folder, and calls to other systems.
const KEPT_BACK: usize = 64;

/// The least number of connections that a server is started for.
const FEWEST: usize = 160;

/// Raises the limit of open files, and returns how many connections the process can have. It says both in the log.
///
/// # Errors
/// If there are hardly any: a server that refuses nearly everybody must not look like one that is well.
pub(super) fn connections(settings: &Settings, mode: Mode) -> Result<usize, StartError> {
    let kept = KEPT_BACK + settings.database.pool.connections as usize;
    // Without a limit there is nothing to hold to.
    let Some(files) = load::open_files() else { return Ok(usize::MAX / 2) };
    let connections = files.saturating_sub(kept);
    if connections < FEWEST {
        return Err(StartError::new(format!(
            "the server may have only {files} files open, of which it needs {kept} for itself and one for each \
             connection: raise the hard limit (`ulimit -Hn`, in a unit file `LimitNOFILE=`)"
        )));
    }
    let wanted = settings.gateway.max_connections;
    if settings.gateway.people_of(connections) >= wanted {
        tracing::info!("the server may have {files} files open, enough for gateway.max_connections = {wanted}");
    } else if mode == Mode::Dev {
        tracing::info!("the server may have {files} files open, and holds its connections to {connections}");
    } else {
        tracing::warn!(
            "the server may have only {files} files open, so it holds its connections to {connections}, although \
             gateway.max_connections is {wanted}: raise the hard limit (`ulimit -Hn`, in a unit file `LimitNOFILE=`), or \
             lower the setting"
        );
    }
    Ok(connections)
}
