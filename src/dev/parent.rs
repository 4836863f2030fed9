//! A child process that ends with its parent. This is one of two files with `unsafe` (the other is `load/machine.rs`):
//! it needs it for the code that runs between fork and exec.

use std::process::Command;

/// Makes the child get SIGINT (PostgreSQL's fast shutdown) when the *thread* that spawned it ends, for whatever reason
/// (prctl(2), `PR_SET_PDEATHSIG`). Spawn the child from a thread that lives as long as the child should, never from a
/// thread of an executor. On other systems than Linux this does nothing.
#[cfg(target_os = "linux")]
pub fn end_with_this_thread(command: &mut Command) {
    use std::os::unix::process::CommandExt;

    use nix::errno::Errno;
    use nix::sys::prctl::set_pdeathsig;
    use nix::sys::signal::Signal;
    use nix::unistd::{getpid, getppid};

    let parent = getpid();
    let before_exec = move || {
        set_pdeathsig(Signal::SIGINT)?;
        // If the parent died before the line above, no signal will come.
        if getppid() != parent {
            return Err(Errno::ESRCH.into());
        }
        Ok(())
    };
    // SAFETY: the closure runs in the forked child of a process with several threads, where only
    // async-signal-safe calls are allowed: it makes two bare system calls, takes no lock and
    // allocates nothing (an `io::Error` of an errno is a number).
    #[allow(unsafe_code)]
    unsafe {
        command.pre_exec(before_exec);
    }
}

/// Does nothing, because this system has no such call. A PostgreSQL that outlives its parent is found by
/// `postmaster.pid` at the next start.
#[cfg(not(target_os = "linux"))]
pub fn end_with_this_thread(_: &mut Command) {}
