//! What a process that does not start says on standard error.
//!
//! INVARIANT: a process never waits for us to read: a thread of its own does. What is kept is bounded.

use std::io::{self, Read, Write};
use std::process::ChildStderr;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::evaluation::wire::printable;

/// Bytes that are kept: the last ones.
const KEPT: usize = 1 << 14;
/// Lines that an error quotes, the last ones: of a Python traceback the place and the exception.
const LINES: usize = 8;
/// The longest such line, in characters.
const LONGEST_LINE: usize = 300;
/// How long the end of a process that has ended is waited for: others may hold its standard error open.
const PATIENCE: Duration = Duration::from_millis(200);

/// The standard error of a process.
pub(super) struct Words {
    said: Arc<Mutex<Said>>,
    /// Closed when it has said all.
    ended: Receiver<()>,
}

struct Said {
    bytes: Vec<u8>,
    /// Whether it is said on our own standard error.
    passed_on: bool,
}

fn lock(said: &Mutex<Said>) -> MutexGuard<'_, Said> {
    said.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Words {
    pub(super) fn hear(mut from: ChildStderr) -> io::Result<Self> {
        let said = Arc::new(Mutex::new(Said { bytes: Vec::new(), passed_on: false }));
        let (ending, ended) = channel();
        let heard = said.clone();
        thread::Builder::new().name("coquad-stderr".into()).spawn(move || {
            let _ending = ending;
            let mut buffer = [0; 4096];
            loop {
                match from.read(&mut buffer) {
                    Ok(0) => break,
                    Ok(count) => {
                        let mut said = lock(&heard);
                        if said.passed_on {
                            drop(said);
                            let _ = io::stderr().write_all(&buffer[..count]);
                        } else {
                            said.bytes.extend_from_slice(&buffer[..count]);
                            let surplus = said.bytes.len().saturating_sub(KEPT);
                            said.bytes.drain(..surplus);
                        }
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(_) => break,
                }
            }
        })?;
        Ok(Self { said, ended })
    }

    /// What was said and what will be is said on our own standard error.
    pub(super) fn pass_on(&self) {
        let mut said = lock(&self.said);
        said.passed_on = true;
        let bytes = std::mem::take(&mut said.bytes);
        drop(said);
        let _ = io::stderr().write_all(&bytes);
    }

    /// The last lines of a process that has ended, fit to be printed; none if they were passed on.
    pub(super) fn last(self) -> String {
        // It is closed, not sent: an error is what is waited for.
        let _ = self.ended.recv_timeout(PATIENCE);
        let bytes = std::mem::take(&mut lock(&self.said).bytes);
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
        let line = |line: &&str| printable(&line.chars().take(LONGEST_LINE).collect::<String>());
        lines[lines.len().saturating_sub(LINES)..].iter().map(line).collect::<Vec<_>>().join("\n")
    }
}
