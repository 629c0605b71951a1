//! A proxy that stands for the network: it can be cut, either way or both, and mended.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// Which way nothing passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    ToServer,
    FromServer,
    Both,
}

/// What becomes of the bytes that do not pass. Nobody is told of either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// They arrive when the network is mended, as where TCP repeats what was dropped.
    Late,
    /// They never do: the connections do not survive it, which shows when the network is mended.
    Lost,
}

pub(crate) struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

const PASS: u8 = 0;
const LATE: u8 = 1;
const LOST: u8 = 2;
const DEAF: u8 = 3;

#[derive(Default)]
struct Shared {
    /// To the server, and from it.
    ways: [AtomicU8; 2],
    streams: Mutex<Vec<TcpStream>>,
}

impl Proxy {
    pub(crate) fn to(port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let shared = Arc::new(Shared::default());
        let proxy = Self { port: listener.local_addr().unwrap().port(), shared: shared.clone() };
        thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                let Ok(far) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else { continue };
                let mut streams = shared.streams.lock().unwrap();
                streams.extend([near.try_clone().unwrap(), far.try_clone().unwrap()]);
                drop(streams);
                pass(near.try_clone().unwrap(), far.try_clone().unwrap(), 0, shared.clone());
                pass(far, near, 1, shared.clone());
            }
        });
        proxy
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    pub(crate) fn cut(&self, way: Way, fate: Fate) {
        let state = if fate == Fate::Late { LATE } else { LOST };
        for (stopped, open) in self.shared.ways.iter().zip([Way::FromServer, Way::ToServer]) {
            stopped.store(if way == open { PASS } else { state }, Ordering::SeqCst);
        }
    }

    /// Whether anybody has connected.
    pub(crate) fn is_used(&self) -> bool {
        !self.shared.streams.lock().unwrap().is_empty()
    }

    /// Keeps the connections, says that somebody is there when that is asked, and lets nothing else pass.
    pub(crate) fn deafen(&self) {
        self.shared.ways[1].store(LOST, Ordering::SeqCst);
        self.shared.ways[0].store(DEAF, Ordering::SeqCst);
    }

    pub(crate) fn mend(&self) {
        if self.shared.ways.iter().any(|way| way.load(Ordering::SeqCst) == LOST) {
            self.reset();
        }
        self.shared.ways.iter().for_each(|way| way.store(PASS, Ordering::SeqCst));
    }

    /// Breaks the connections that there are.
    pub(crate) fn reset(&self) {
        for stream in self.shared.streams.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, way: usize, shared: Arc<Shared>) {
    thread::spawn(move || {
        let mut buffer = vec![0; 1 << 16];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            while shared.ways[way].load(Ordering::SeqCst) == LATE {
                thread::sleep(Duration::from_millis(5));
            }
            match shared.ways[way].load(Ordering::SeqCst) {
                LOST => continue,
                DEAF => {
                    if buffer[..count].windows(6).any(|words| words == b"PING\r\n") {
                        let _ = from.write_all(b"PONG\r\n");
                    }
                    continue;
                }
                _ => {}
            }
            if to.write_all(&buffer[..count]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
        let _ = from.shutdown(Shutdown::Both);
    });
}
