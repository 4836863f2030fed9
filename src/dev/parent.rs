//! A child that ends with its parent. One of two files with `unsafe` (the other is `load/machine.rs`): what runs between fork and exec.

use std::process::Command;

/// Makes the child get SIGINT (PostgreSQL's fast shutdown) when the *thread* that spawns it ends,
/// however that comes about: prctl(2), `PR_SET_PDEATHSIG`. So spawn it from a thread that lives as
/// long as the child should, never from one of an executor. Elsewhere than on Linux it does nothing.
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
        // A parent that died before the line above sends nothing any more.
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

/// Not offered by this system: what a dead parent left behind is found through `postmaster.pid`.
#[cfg(not(target_os = "linux"))]
pub fn end_with_this_thread(_: &mut Command) {}
