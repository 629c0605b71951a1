//! The process groups of workers, and who ends them when this program no longer can.
//!
//! A worker that dies with its coordinator leaves what it has started behind. So a shell is told of
//! every group, and kills those that are left when it can read no more: it outlives this program by
//! a moment, however that ends.
//!
//! INVARIANT: a group is taken off the list, and the shell told so, before its number is free for
//! another. Who tells never waits.

use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, Signal, kill_process_group};

/// What the shell does. The pause is for workers that have something to put away: they see the end
/// of their input.
const WARDEN: &str = r#"
trap '' HUP INT QUIT TERM
all=' '
while read -r what group; do
    case $what in
        +) all="$all$group " ;;
        -) case $all in *" $group "*) all="${all%% $group *} ${all#* $group }" ;; esac ;;
    esac
done
sleep 0.2 2>/dev/null
for group in $all; do kill -s KILL -- "-$group" 2>/dev/null; done
"#;

/// Processes that run, each the leader of a group.
#[derive(Default)]
pub(super) struct Groups(Mutex<Running>);

#[derive(Default)]
struct Running {
    leaders: Vec<Pid>,
    warden: Option<Warden>,
    /// Whether there is none to be had: no shell.
    unguarded: bool,
}

struct Warden {
    shell: Child,
    hears: ChildStdin,
}

impl Warden {
    fn start() -> io::Result<Self> {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", WARDEN, "coquad-warden"]).env_clear().current_dir("/").process_group(0);
        let mut shell = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let hears = shell.stdin.take().expect("it was piped");
        rustix::io::ioctl_fionbio(&hears, true)?;
        Ok(Self { shell, hears })
    }
}

impl Running {
    fn tell(&mut self, what: char, group: Pid) {
        if let Some(warden) = &mut self.warden {
            // Whoever has killed it has to do without. One write, so a line is whole or not there.
            let _ = warden.hears.write(format!("{what} {}\n", group.as_raw_nonzero()).as_bytes());
        }
    }
}

impl Groups {
    fn lock(&self) -> MutexGuard<'_, Running> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sees to it that there is somebody to tell. Called before a process is started.
    pub(super) fn guard(&self) {
        let mut running = self.lock();
        if running.warden.is_none() && !running.unguarded {
            match Warden::start() {
                Ok(warden) => running.warden = Some(warden),
                Err(_) => running.unguarded = true,
            }
        }
    }

    pub(super) fn add(&self, leader: Pid) {
        let mut running = self.lock();
        running.leaders.push(leader);
        running.tell('+', leader);
    }

    /// Kills the group, whose leader is reaped after this.
    pub(super) fn end(&self, leader: Pid) {
        let mut running = self.lock();
        running.leaders.retain(|pid| *pid != leader);
        let _ = kill_process_group(leader, Signal::KILL);
        running.tell('-', leader);
    }

    /// Kills all, which are reaped by whoever holds them.
    pub(super) fn kill(&self) {
        let mut running = self.lock();
        for leader in running.leaders.clone() {
            let _ = kill_process_group(leader, Signal::KILL);
            running.tell('-', leader);
        }
    }
}

impl Drop for Groups {
    fn drop(&mut self) {
        if let Some(Warden { mut shell, hears }) = self.lock().warden.take() {
            // No group is left.
            let _ = shell.kill();
            drop(hears);
            let _ = shell.wait();
        }
    }
}
