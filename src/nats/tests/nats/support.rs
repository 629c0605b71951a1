//! A server of one's own, workers, and functions that they serve.

pub(crate) mod proxy;
pub(crate) mod worker;

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use coquad_nats::{Nats, Server};
use futures::StreamExt;

/// A folder that is gone when this is.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!("coquad-nats-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A NATS server with JetStream on a free port of this machine, in a folder of its own.
pub(crate) struct NatsServer {
    child: Child,
    pub(crate) folder: Folder,
    pub(crate) port: u16,
    extra: String,
    /// How many megabytes its disk has, if that is one of its own.
    disk: Option<u32>,
}

impl NatsServer {
    pub(crate) fn start() -> Self {
        Self::with("")
    }

    /// With more lines in its configuration.
    pub(crate) fn with(extra: &str) -> Self {
        Self::in_folder(Folder::new(), extra)
    }

    pub(crate) fn in_folder(folder: Folder, extra: &str) -> Self {
        Self::on_disk(folder, extra, None)
    }

    /// With a disk of its own that has so many megabytes.
    pub(crate) fn on_disk(folder: Folder, extra: &str, disk: Option<u32>) -> Self {
        let (child, port) = launch(&folder, 0, extra, disk);
        Self { child, folder, port, extra: extra.to_owned(), disk }
    }

    /// Whether the machine lets a process have a disk of its own.
    pub(crate) fn may_have_disks() -> bool {
        let tried = Command::new("unshare").args(["-rm", "mount", "-t", "tmpfs", "none", "/tmp"]).output();
        tried.is_ok_and(|output| output.status.success())
    }

    /// How many bytes its own disk has left.
    pub(crate) fn room(&self) -> u64 {
        let store = format!("/proc/{}/root{}/store", self.child.id(), self.folder.path().display());
        let said = Command::new("stat").args(["-f", "-c", "%a %S", &store]).output().expect("stat").stdout;
        let said = String::from_utf8_lossy(&said).into_owned();
        said.split_whitespace().map(|number| number.parse::<u64>().expect("a number")).product()
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// The server as tests want it: what is lost is noticed within a second.
    pub(crate) fn server(&self) -> Server {
        Server::new(self.url()).ack_wait(Duration::from_secs(1))
    }

    pub(crate) fn connect(&self) -> Nats {
        futures::executor::block_on(Nats::connect(self.server())).expect("a connection")
    }

    /// Kills it, as by a power cut.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Tells it to end, by this signal, and waits until it has.
    pub(crate) fn end(&mut self, by: &str) {
        signal(self.child.id(), by);
        until("the server ends", || self.child.try_wait().expect("a child").is_some());
    }

    /// Sends it a signal that does not end it.
    pub(crate) fn signal(&self, name: &str) {
        signal(self.child.id(), name);
    }

    /// Starts it again, on the same port.
    pub(crate) fn restart(&mut self) {
        self.kill();
        (self.child, _) = launch(&self.folder, self.port, &self.extra, self.disk);
    }

    /// Waits until somebody tries to connect, and lets that fail. It must not run.
    pub(crate) fn is_tried(&self) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, self.port)).expect("its port is free");
        drop(listener.accept().expect("an attempt"));
    }

    /// Takes everything that it has stored. It must not run.
    pub(crate) fn lose_store(&self) {
        fs::remove_dir_all(self.folder.path().join("store")).unwrap();
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        self.kill();
    }
}

fn launch(folder: &Folder, port: u16, extra: &str, disk: Option<u32>) -> (Child, u16) {
    let program = std::env::var_os("NATS_SERVER").expect(
        "no NATS server to test with: run `bash .ci/nats cargo test -p coquad-nats`, which finds or brings one",
    );
    let path = folder.path().display();
    let port = if port == 0 { "-1".to_owned() } else { port.to_string() };
    // What it thinks that it may use, where its disk has less.
    let store = if disk.is_some() { ", max_file_store: 4GB" } else { "" };
    let config = folder.write(
        "server.conf",
        &format!("host: 127.0.0.1\nport: {port}\nports_file_dir: \"{path}\"\njetstream {{ store_dir: \"{path}/store\"{store} }}\n{extra}\n"),
    );
    let log = fs::File::create(folder.path().join("log")).unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    let mut command = match disk {
        None => Command::new(&program),
        Some(size) => {
            // A mount that it alone sees; the process stays the same.
            let mount = format!("mkdir -p {path}/store && mount -t tmpfs -o size={size}m none {path}/store");
            let mut command = Command::new("unshare");
            command.args(["-rm", "sh", "-c", &format!("{mount} && exec \"$0\" \"$@\"")]).arg(&program);
            command
        }
    };
    let mut child = command
        .arg("-c")
        .arg(config)
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap_or_else(|error| panic!("NATS_SERVER={} does not start: {error}", program.display()));
    let ports = folder.path().join(format!("nats-server_{}.ports", child.id()));
    loop {
        // The server writes it once it listens.
        if let Some(port) = fs::read_to_string(&ports).ok().and_then(|text| port_in(&text)) {
            return (child, port);
        }
        let ended = child.try_wait().unwrap();
        let log = || fs::read_to_string(folder.path().join("log")).unwrap_or_default();
        assert!(ended.is_none() && Instant::now() < deadline, "the server does not listen: {}", log());
        thread::sleep(Duration::from_millis(2));
    }
}

fn port_in(ports: &str) -> Option<u16> {
    let (_, rest) = ports.split_once("nats://127.0.0.1:").or_else(|| ports.split_once("tls://127.0.0.1:"))?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// A signal to a process of ours.
pub(crate) fn signal(pid: u32, name: &str) {
    let sent = Command::new("kill").arg(format!("-{name}")).arg(pid.to_string()).status().expect("kill");
    assert!(sent.success(), "kill -{name} {pid}");
}

/// Waits until it is so, which it must be in the end.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < deadline, "never: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// The runs of a random test: few, or with `COQUAD_LONG=1` many.
pub(crate) fn runs(quick: u64, long: u64) -> u64 {
    if std::env::var_os("COQUAD_LONG").is_some_and(|value| value == "1") { long } else { quick }
}

/// Numbers that look random and are the same every time.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

/// A look at the server past the library, with the rights of whoever is asked.
pub(crate) struct Tool {
    runtime: tokio::runtime::Runtime,
    pub(crate) client: async_nats::Client,
}

impl Tool {
    pub(crate) fn new(server: &NatsServer) -> Self {
        Self::with(server, async_nats::ConnectOptions::new())
    }

    /// With the rights of a user of the accounts that the tests have.
    pub(crate) fn of(server: &NatsServer, user: &str) -> Self {
        Self::with(server, async_nats::ConnectOptions::with_user_and_password(user.into(), format!("{user}-password")))
    }

    fn with(server: &NatsServer, options: async_nats::ConnectOptions) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let client = runtime.block_on(options.connect(server.url())).expect("a connection");
        Self { runtime, client }
    }

    pub(crate) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    pub(crate) fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        self.runtime.spawn(future);
    }

    pub(crate) fn context(&self) -> async_nats::jetstream::Context {
        let _within = self.runtime.enter();
        async_nats::jetstream::new(self.client.clone())
    }

    /// The subjects and texts of what passes there from now on.
    pub(crate) fn hear(&self, subjects: &[&'static str]) -> Arc<Mutex<Vec<String>>> {
        let heard = Arc::<Mutex<Vec<String>>>::default();
        for &subject in subjects {
            let mut messages = self.block_on(self.client.subscribe(subject)).unwrap();
            let heard = heard.clone();
            self.runtime.spawn(async move {
                while let Some(message) = messages.next().await {
                    let text = String::from_utf8_lossy(&message.payload).escape_debug().to_string();
                    heard.lock().unwrap().push(format!("{} {text}", message.subject));
                }
            });
        }
        self.block_on(self.client.flush()).unwrap();
        heard
    }

    pub(crate) fn stream_is_there(&self, space: &str) -> bool {
        let context = self.context();
        self.block_on(async { context.get_stream(format!("COQUAD1_{space}_JOBS")).await.is_ok() })
    }

    pub(crate) fn jobs_waiting(&self, space: &str) -> u64 {
        self.messages(&format!("COQUAD1_{space}_JOBS"))
    }

    /// Where the answer goes to the last job that is queued for the function.
    pub(crate) fn queued_job_reply(&self, function: &str) -> String {
        let context = self.context();
        let queued = self.block_on(async {
            let stream = context.get_stream("COQUAD1_default_JOBS").await.unwrap();
            let subject = format!("coquad1.default.job.{function}");
            stream.get_last_raw_message_by_subject(&subject).await.unwrap().payload
        });
        coquad::wire::Job::decode(&queued).unwrap().reply.unwrap().to_owned()
    }

    /// When the last job was queued.
    pub(crate) fn youngest_job(&self) -> SystemTime {
        let context = self.context();
        let stream = async { context.get_stream("COQUAD1_default_JOBS").await.expect("a stream") };
        self.block_on(stream).cached_info().state.last_timestamp.into()
    }

    /// How many jobs there ever were.
    pub(crate) fn jobs_ever(&self, space: &str) -> u64 {
        let (context, stream) = (self.context(), format!("COQUAD1_{space}_JOBS"));
        self.block_on(async { context.get_stream(stream).await.expect("a stream").cached_info().state.last_sequence })
    }

    pub(crate) fn messages(&self, stream: &str) -> u64 {
        let context = self.context();
        self.block_on(async { context.get_stream(stream).await.expect("a stream").cached_info().state.messages })
    }
}
