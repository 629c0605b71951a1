//! Where the server is, and how it is spoken to.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use async_nats::jetstream::{self, Context};
use async_nats::{Client, ConnectErrorKind, ConnectOptions, Event, ServerAddr};
use futures::channel::mpsc::UnboundedSender;
use tokio::sync::watch;

use crate::error::Error;
use crate::names::{self, Space};

/// The environment's path of a credentials file.
const CREDENTIALS: &str = "COQUAD_NATS_CREDS";

/// A server that is silent for three of these is given up and connected to anew.
const PING: Duration = Duration::from_secs(2);

/// Between two attempts to reach a server that was never there, at first and at last.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LAST_PAUSE: Duration = Duration::from_secs(1);

/// So many attempts to have a lost connection again, some ten seconds of them, follow each other as fast as this.
const SOON: usize = 100;
const SOON_PAUSE: Duration = Duration::from_millis(100);

/// How long the server is waited for to do what it was asked: while a stream goes or comes, or a
/// cluster finds a leader, it may say nothing.
const SAID: Duration = Duration::from_secs(2);

/// Messages of a subscription that are kept until they are read. What is too much is dropped, and looked for where it matters.
const UNREAD: usize = 4096;

/// The NATS server, or servers of one cluster, and what this program may do there.
///
/// An address alone will do where a `Server` is asked for: `"tls://nats.lab:4222"`, or several of one cluster separated by
/// commas. User and password, or a token, may be in it; a credentials file is better.
///
/// Off this machine the connection is encrypted (`tls://`), or refused.
///
/// # Examples
///
/// ```
/// use coquad_nats::Server;
///
/// let server = Server::new("tls://nats.lab:4222").space("optics").credentials("/etc/coquad/worker.creds");
/// assert!(!format!("{:?}", Server::new("tls://me:secret@nats.lab")).contains("secret"));
/// # let _ = server;
/// ```
#[derive(Clone)]
pub struct Server {
    addresses: String,
    pub(crate) space: Space,
    credentials: Option<PathBuf>,
    roots: Vec<PathBuf>,
    certificate: Option<(PathBuf, PathBuf)>,
    inbox: Option<String>,
    plaintext: bool,
    pub(crate) per_function: bool,
    pub(crate) api: String,
    pub(crate) ack_wait: Duration,
    pub(crate) max_deliver: u32,
    pub(crate) replicas: usize,
}

impl Server {
    /// The server at this address. The space is `default`, the credentials those of the file that the environment variable
    /// `COQUAD_NATS_CREDS` names, if it does.
    pub fn new(addresses: impl Into<String>) -> Self {
        Self {
            addresses: addresses.into(),
            space: Space("default".into()),
            credentials: std::env::var_os(CREDENTIALS).map(PathBuf::from),
            roots: Vec::new(),
            certificate: None,
            inbox: None,
            plaintext: false,
            per_function: false,
            api: "$JS.API".into(),
            ack_wait: Duration::from_secs(30),
            max_deliver: 3,
            replicas: 1,
        }
    }

    /// Works in this space: a tenant's or project's jobs and results.
    #[must_use]
    pub fn space(mut self, name: impl Into<String>) -> Self {
        self.space = Space(name.into());
        self
    }

    /// Logs in with a credentials file (JWT and nkey seed, as `nsc` writes it).
    #[must_use]
    pub fn credentials(mut self, path: impl Into<PathBuf>) -> Self {
        self.credentials = Some(path.into());
        self
    }

    /// Trusts the certificate authorities in this PEM file, besides those of the system.
    #[must_use]
    pub fn root_certificates(mut self, path: impl Into<PathBuf>) -> Self {
        self.roots.push(path.into());
        self
    }

    /// Shows this certificate to a server that asks for one; both files are PEM.
    #[must_use]
    pub fn client_certificate(mut self, certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.certificate = Some((certificate.into(), key.into()));
        self
    }

    /// Has replies sent to subjects that begin with this, `_INBOX_client` or `_INBOX_worker` unless set. Accounts that must
    /// not read each other's replies have each their own, in their permissions too.
    #[must_use]
    pub fn inbox(mut self, prefix: impl Into<String>) -> Self {
        self.inbox = Some(prefix.into());
        self
    }

    /// Lets `nats://` addresses of other machines be used, where everything, credentials included, can be read and changed
    /// on the way.
    #[must_use]
    pub fn allow_plaintext(mut self) -> Self {
        self.plaintext = true;
        self
    }

    /// How long the server waits for a sign of life before it gives a job to another worker, 30 s unless set. Workers give
    /// one three times as often. It counts when a function is first used in a space; later it is what it was then.
    #[must_use]
    pub fn ack_wait(mut self, wait: Duration) -> Self {
        self.ack_wait = wait;
        self
    }

    /// How many workers may be lost over a job before it is given up, 3 unless set. It counts when a function is first used.
    #[must_use]
    pub fn max_deliver(mut self, workers: u32) -> Self {
        self.max_deliver = workers.max(1);
        self
    }

    /// On how many servers of a cluster jobs and results are kept, 1 unless set. It counts when a space is first used.
    #[must_use]
    pub fn replicas(mut self, servers: usize) -> Self {
        self.replicas = servers.max(1);
        self
    }

    /// Has answers go where accounts can tell functions apart, so that the workers of one function can neither read nor
    /// answer what another is asked. The accounts are in docs/DISTRIBUTED.md, "Permissions".
    ///
    /// A coordinator then needs workers that know of such places: earlier versions end its jobs, which is
    /// [`Error::WorkerLost`]. A worker refuses jobs whose answers go elsewhere; without it, it takes both kinds. What was
    /// answered before on a run with a name is found.
    #[must_use]
    pub fn per_function(mut self) -> Self {
        self.per_function = true;
        self
    }

    /// Asks JetStream below this prefix instead of `$JS.API`: where an account imports what it needs from another.
    #[must_use]
    pub fn api(mut self, prefix: impl Into<String>) -> Self {
        self.api = prefix.into();
        self
    }

    /// What a run of this function is called on the wire.
    pub(crate) fn run_of(&self, function: &str, run: &str) -> String {
        if self.per_function { names::of_function(function, run) } else { run.to_owned() }
    }

    /// Whether a worker takes a job whose answer goes there.
    pub(crate) fn takes(&self, place: &str) -> bool {
        !self.per_function || self.space.old_place(place).is_some()
    }

    fn parse(&self) -> Result<Vec<ServerAddr>, Error> {
        names::checked(&self.space.0)?;
        for token in self.api.split('.') {
            names::checked(token.strip_prefix('$').unwrap_or(token))?;
        }
        let mut addresses = Vec::new();
        for address in self.addresses.split(',').map(str::trim).filter(|address| !address.is_empty()) {
            // The error of the parser may quote the password.
            let parsed: ServerAddr = address
                .parse()
                .map_err(|_| Error::Address { reason: "not nats://host:port or tls://host:port".into() })?;
            match parsed.scheme() {
                _ if parsed.host().is_empty() => return Err(Error::Address { reason: "there is no host".into() }),
                "tls" => {}
                "nats" if self.plaintext || is_here(parsed.host()) => {}
                "nats" => return Err(Error::Plaintext { host: parsed.host().to_owned() }),
                _ => return Err(Error::Address { reason: "neither nats:// nor tls://".into() }),
            }
            addresses.push(parsed);
        }
        if addresses.is_empty() {
            return Err(Error::Address { reason: "it is empty".into() });
        }
        Ok(addresses)
    }

    /// Whether there are several addresses.
    pub(crate) fn has_others(&self) -> bool {
        self.addresses.split(',').filter(|address| !address.trim().is_empty()).count() > 1
    }

    /// Connects. What happens to the connection later is told to `events`; how often it was made anew is counted too, for
    /// those who would wait for what went down with the old one.
    ///
    /// A server that cannot be reached is tried again for as long as `wait`; one that refuses is
    /// not.
    pub(crate) async fn connect(
        &self,
        role: &'static str,
        events: UnboundedSender<Event>,
        wait: Duration,
    ) -> Result<(Client, Context, watch::Receiver<u64>), Error> {
        let (again, connections) = watch::channel(0);
        let lost = AtomicBool::new(false);
        let addresses = self.parse()?;
        let refused = |reason: String| Error::Connect { reason };
        let mut options = ConnectOptions::new()
            .name(format!("coquad {role}"))
            .custom_inbox_prefix(self.inbox.clone().unwrap_or_else(|| format!("_INBOX_{role}")))
            .ping_interval(PING)
            .subscription_capacity(UNREAD)
            .connection_timeout(Duration::from_secs(5))
            .request_timeout(Some(Duration::from_secs(5)))
            .max_reconnects(None)
            .reconnect_delay_callback(again_after)
            .event_callback(move |event| {
                match event {
                    Event::Disconnected => lost.store(true, Ordering::Relaxed),
                    Event::Connected if lost.swap(false, Ordering::Relaxed) => again.send_modify(|count| *count += 1),
                    _ => {}
                }
                let _ = events.unbounded_send(event);
                async {}
            });
        if addresses.iter().all(|address| address.scheme() == "tls") {
            options = options.require_tls(true);
        } else if !self.plaintext {
            // An unencrypted connection stays on this machine, whatever the server says of others.
            options = options.ignore_discovered_servers();
        }
        for address in &addresses {
            match (address.username(), address.password()) {
                (Some(user), Some(password)) => {
                    options = options.user_and_password(user.to_owned(), password.to_owned());
                }
                (Some(token), None) => options = options.token(token.to_owned()),
                _ => {}
            }
        }
        if let Some(path) = &self.credentials {
            options = options
                .credentials_file(path)
                .await
                .map_err(|error| refused(format!("the credentials file cannot be read: {}", error.kind())))?;
        }
        for path in &self.roots {
            options = options.add_root_certificates(path.clone());
        }
        if let Some((certificate, key)) = &self.certificate {
            options = options.add_client_certificate(certificate.clone(), key.clone());
        }
        let begin = Instant::now();
        let mut pause = FIRST_PAUSE;
        let client = loop {
            let error = match options.clone().connect(addresses.clone()).await {
                Ok(client) => break client,
                Err(error) => error,
            };
            let left = wait.saturating_sub(begin.elapsed());
            let is_absent =
                matches!(error.kind(), ConnectErrorKind::Io | ConnectErrorKind::Dns | ConnectErrorKind::TimedOut);
            if left.is_zero() || !is_absent {
                return Err(refused(error.to_string()));
            }
            if pause == FIRST_PAUSE {
                eprintln!("coquad-{role}: no server yet: {error}");
            }
            tokio::time::sleep(pause.min(left)).await;
            pause = (2 * pause).min(LAST_PAUSE);
        };
        let mut context = jetstream::with_prefix(client.clone(), &self.api);
        context.set_timeout(SAID);
        Ok((client, context, connections))
    }
}

/// The pause before so many attempts in a row to have a lost connection again: a server that is
/// started again is there within seconds, and then short pauses cost nothing but the attempts.
fn again_after(attempts: usize) -> Duration {
    if attempts > SOON { LAST_PAUSE } else { Duration::from_millis(20 * attempts as u64).min(SOON_PAUSE) }
}

/// Whether the host is this machine by its name alone: no look-up can be wrong about it.
fn is_here(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

impl From<&str> for Server {
    fn from(addresses: &str) -> Self {
        Server::new(addresses)
    }
}

impl From<String> for Server {
    fn from(addresses: String) -> Self {
        Server::new(addresses)
    }
}

impl From<&String> for Server {
    fn from(addresses: &String) -> Self {
        Server::new(addresses)
    }
}

/// Shows no address: there may be a password in it.
impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("space", &self.space.0).field("inbox", &self.inbox).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plaintext_does_not_leave_this_machine_unasked() {
        for here in ["nats://127.0.0.1:4222", "nats://localhost", "nats://[::1]:1", "localhost:4222", "127.9.9.9"] {
            assert!(Server::new(here).parse().is_ok(), "{here}");
        }
        for far in
            ["nats://nats.lab:4222", "nats.lab", "nats://10.0.0.1", "nats://localhost.lab", "nats://localhost,nats://b"]
        {
            assert!(matches!(Server::new(far).parse(), Err(Error::Plaintext { .. })), "{far}");
            assert!(Server::new(far).allow_plaintext().parse().is_ok(), "{far}");
        }
        assert!(Server::new("tls://nats.lab:4222, tls://b.lab").parse().is_ok());
        for none in ["", ",", "ftp://localhost", "ws://localhost", "tls://"] {
            assert!(matches!(Server::new(none).parse(), Err(Error::Address { .. })), "{none}");
        }
        assert!(matches!(Server::new("localhost").space("a.b").parse(), Err(Error::Name { .. })));
        assert!(Server::new("localhost").api("lab.API").parse().is_ok());
        for none in ["", "a..b", "a.*", "a b", "a.>"] {
            assert!(matches!(Server::new("localhost").api(none).parse(), Err(Error::Name { .. })), "{none}");
        }
    }
}
