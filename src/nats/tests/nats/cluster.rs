//! Three servers that keep each message three times, of which one at a time is killed, stopped, or without room.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use coquad_nats::admin::Admin;
use coquad_nats::{Nats, Server};
use futures::executor::block_on;
use futures::future::join_all;
use serde_json::Value;

use crate::operators::{ANSWERS, JOBS, Run};
use crate::support::proxy::Proxy;
use crate::support::worker::{URL, WorkerProcess};
use crate::support::{Folder, NatsServer, Tool, runs, until};

/// The stream of reports of jobs that were given up, and the queue of the function.
const DEAD: &str = "COQUAD1_default_DEAD";
const CONSUMER: &str = "COQUAD1_default_JOBS.slow";

/// How one of them goes.
#[derive(Clone, Copy, Debug)]
enum End {
    Killed,
    LameDuck,
    Stopped,
}

/// The servers of a cluster, each with a folder of its own; the first with a disk of so many megabytes.
fn cluster(disk: Option<u32>) -> Vec<NatsServer> {
    // Free for now: the servers must know each other's ports.
    let listeners: Vec<_> = (0..3).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()).collect();
    let ports: Vec<u16> = listeners.iter().map(|listener| listener.local_addr().unwrap().port()).collect();
    drop(listeners);
    let routes: Vec<_> = ports.iter().map(|port| format!("\"nats://127.0.0.1:{port}\"")).collect();
    let routes = routes.join(", ");
    let server = |(number, port): (usize, &u16)| {
        let extra = format!(
            "server_name: s{number}\nlame_duck_duration: \"30s\"\nlame_duck_grace_period: \"100ms\"\n\
             cluster {{ name: lab, listen: \"127.0.0.1:{port}\", routes: [ {routes} ] }}\n"
        );
        NatsServer::on_disk(Folder::new(), &extra, disk.filter(|_| number == 0))
    };
    ports.iter().enumerate().map(server).collect()
}

/// A connection, four workers with 8 slots each, and their addresses.
fn connected(servers: &[NatsServer]) -> (Nats, Vec<WorkerProcess>) {
    let addresses = servers.iter().map(NatsServer::url).collect::<Vec<_>>().join(",");
    let server = Server::new(addresses.clone()).replicas(3).ack_wait(Duration::from_secs(5));
    let mut nats = None;
    // They must find each other first.
    until("there is a leader", || {
        nats = block_on(Nats::connect(server.clone())).ok();
        nats.is_some()
    });
    let nats = nats.expect("it is there");
    let worker = |_| {
        let set = |command: &mut std::process::Command| {
            command.env(URL, &addresses);
        };
        WorkerProcess::with(&servers[0], "slow", 8, set)
    };
    let workers: Vec<_> = (0..4).map(worker).collect();
    let evaluator = nats.evaluator::<f64>("slow");
    until("the workers are there", || evaluator.slots() == 32);
    (nats, workers)
}

/// Evaluates while one server after the other goes and comes back.
fn survives(end: End, count: u32, least: u64, pause: Duration) {
    let mut servers = cluster(None);
    let (nats, _workers) = connected(&servers);
    let evaluator = nats.evaluator::<f64>("slow");
    let begin = Instant::now();
    let (mut goes, mut stalls) = (0, Vec::new());
    // Of a run each, so that as many are under way all the time.
    while goes < least {
        let run = Run::start(evaluator.clone().parameters([goes as u8]), count);
        run.wait_for(count as usize / 10);
        let victim = &mut servers[goes as usize % 3];
        match end {
            End::Killed => victim.kill(),
            End::LameDuck => victim.end("USR2"),
            End::Stopped => victim.signal("STOP"),
        }
        thread::sleep(pause);
        match end {
            End::Stopped => victim.signal("CONT"),
            End::Killed | End::LameDuck => victim.restart(),
        }
        goes += 1;
        stalls.push(run.longest_stall("a server goes"));
    }
    let worst = stalls.iter().max().unwrap();
    println!(
        "{end:?}: {} evaluations in {:.0?}, none lost, {goes} times one of three servers went; longest stall {worst:.2?}; {:?}",
        u64::from(count) * goes,
        begin.elapsed(),
        nats.report(),
    );
    // What is measured in the long tier; elections take longer where there is other work. Old servers have more of them
    // when a leader that was stopped is back.
    let is_old = matches!(end, End::Stopped) && lock_themselves_up(&servers);
    assert!(*worst < Duration::from_secs(if is_old { 30 } else { runs(30, 10) }), "{stalls:?}");
}

#[test]
fn a_cluster_of_three_survives_the_loss_of_each() {
    survives(End::Killed, runs(1_000, 2_500) as u32, runs(2, 24), Duration::from_millis(runs(500, 2_500)));
}

#[test]
fn a_cluster_of_three_survives_lame_ducks() {
    survives(End::LameDuck, runs(1_000, 2_500) as u32, runs(2, 24), Duration::from_millis(runs(500, 2_500)));
}

#[test]
fn a_cluster_of_three_survives_servers_that_stop() {
    survives(End::Stopped, runs(1_000, 2_500) as u32, runs(2, 12), Duration::from_millis(runs(5_000, 8_000)));
}

/// It even says that it is there.
#[test]
fn a_server_that_keeps_the_connection_and_answers_nothing_is_left() {
    let servers = cluster(None);
    let (_other, _workers) = connected(&servers);
    let proxies = [Proxy::to(servers[0].port), Proxy::to(servers[1].port)];
    let addresses = proxies.each_ref().map(Proxy::url).join(",");
    let server = Server::new(addresses).replicas(3).ack_wait(Duration::from_secs(5));
    let nats = block_on(Nats::connect(server)).unwrap();
    let evaluator = nats.evaluator::<f64>("slow");
    until("the workers are there", || evaluator.slots() == 32);
    let run = Run::start(evaluator, 1_000);
    run.wait_for(100);
    proxies.iter().find(|proxy| proxy.is_used()).expect("one of them").deafen();
    let stall = run.longest_stall("the server is deaf");
    println!("the server keeps the connection and answers nothing: longest stall {stall:.2?}");
    // Nothing else ends it, so it lasts as long as that is found out.
    assert!(stall > Duration::from_secs(2), "{stall:?}");
    assert!(stall < Duration::from_secs(runs(30, 15)), "{stall:?}");
}

/// What leads which stream, or consumer, of a cluster.
struct Leaders<'a>(&'a Tool);

impl Leaders<'_> {
    /// Asks the API about this; nothing if no server answers.
    fn ask(&self, act: &str) -> Value {
        let asked = self.0.client.request(format!("$JS.API.{act}"), "".into());
        let said = self.0.block_on(async { tokio::time::timeout(Duration::from_secs(1), asked).await });
        said.ok().and_then(Result::ok).and_then(|said| serde_json::from_slice(&said.payload).ok()).unwrap_or_default()
    }

    /// Has the first server lead it, or another.
    fn elect(&self, kind: &str, name: &str, first: bool) {
        until(&format!("{name} has such a leader"), || {
            let found = self.ask(&format!("{kind}.INFO.{name}"));
            let Some(leader) = found["cluster"]["leader"].as_str() else { return false };
            let is_so = (leader == "s0") == first;
            if !is_so {
                self.ask(&format!("{kind}.LEADER.STEPDOWN.{name}"));
            }
            is_so
        });
    }
}

/// Whether these servers are so old that one with a full disk locks itself up for good: 2.9.10 takes the lock of a block of
/// messages that it holds (`writeMsgRecord` calls `rebuildStateLocked`). Those that follow it wait for as long as it says
/// that it lives.
fn lock_themselves_up(servers: &[NatsServer]) -> bool {
    Tool::new(&servers[1]).client.server_info().version.starts_with("2.9.")
}

/// The disk of one of three is full, and stays so, while there are runs.
fn full_disk(servers: &[NatsServer], first_leads: bool) {
    let (nats, _workers) = connected(servers);
    let tool = Tool::new(&servers[1]);
    for (kind, name) in [("STREAM", JOBS), ("STREAM", ANSWERS), ("STREAM", DEAD), ("CONSUMER", CONSUMER)] {
        Leaders(&tool).elect(kind, name, first_leads && name == ANSWERS);
    }
    let evaluator = nats.evaluator::<f64>("slow");
    let (count, begin) = (runs(5_000, 20_000) as u32, Instant::now());
    let mut stalls = Vec::new();
    for part in 0..runs(2, 3) {
        let run = Run::start(evaluator.clone().parameters([part as u8]), count);
        stalls.push(run.longest_stall("a full disk"));
    }
    let room = servers[0].room();
    let worst = stalls.iter().max().unwrap();
    println!(
        "a disk with {room} bytes left, its server leads: {first_leads}: {} evaluations in {:.0?}, none lost; \
         longest stalls {stalls:.2?}; {:?}",
        u64::from(count) * runs(2, 3),
        begin.elapsed(),
        nats.report()
    );
    // Less than a block of what is stored.
    assert!(room < 100_000, "its disk is not full");
    // An operator can see it.
    match Admin::connect(servers[1].url()).unwrap().status() {
        Ok(status) => assert_eq!((status.streams.len(), status.workers.len()), (3, 4), "{status:?}"),
        // Lists of consumers wait for the one that has locked itself up.
        Err(error) => assert!(lock_themselves_up(servers), "{error}"),
    }
    assert!(*worst < Duration::from_secs(runs(30, 10)), "{stalls:?}");
}

/// A few thousand answers fill it, or the log of the servers' votes.
fn with_small_disk() -> Option<Vec<NatsServer>> {
    if !NatsServer::may_have_disks() {
        println!("not run: this machine lets no process have a disk of its own");
        return None;
    }
    Some(cluster(Some(runs(2, 4) as u32)))
}

#[test]
fn a_cluster_of_three_survives_a_full_disk() {
    let Some(servers) = with_small_disk() else { return };
    full_disk(&servers, false);
}

#[test]
fn a_cluster_of_three_survives_a_full_disk_of_the_one_that_leads() {
    let Some(servers) = with_small_disk() else { return };
    if lock_themselves_up(&servers) {
        println!("not run: this version locks itself up, as the next test shows");
        return;
    }
    full_disk(&servers, true);
}

/// What the servers take by themselves: no part of coquad is involved.
#[test]
fn what_a_bare_client_waits_for_when_the_disk_of_the_one_that_leads_is_full() {
    let Some(servers) = with_small_disk() else { return };
    // One for each of the others: if all messages come by one of them, an old server is never found to be deaf.
    let tools = [Tool::new(&servers[1]), Tool::new(&servers[2])];
    let context = tools[0].context();
    let config = async_nats::jetstream::stream::Config {
        name: "BARE".into(),
        subjects: vec!["bare.>".into()],
        num_replicas: 3,
        ..Default::default()
    };
    until("there is a stream", || tools[0].block_on(context.create_stream(config.clone())).is_ok());
    Leaders(&tools[0]).elect("STREAM", "BARE", true);
    let count = runs(10_000, 20_000);
    let times = Mutex::new(vec![Instant::now()]);
    let next = AtomicU64::new(0);
    let publish = async |tool: &Tool| {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                break;
            }
            loop {
                let payload = vec![b'x'; 200];
                let stored = tool.client.request(format!("bare.{number}"), payload.into());
                let said = tokio::time::timeout(Duration::from_millis(500), stored).await;
                if said.is_ok_and(|said| said.is_ok_and(|said| said.payload.windows(5).any(|part| part == b"\"seq\"")))
                {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            times.lock().unwrap().push(Instant::now());
        }
    };
    thread::scope(|scope| {
        for tool in &tools {
            scope.spawn(|| tool.block_on(join_all((0..16).map(|_| publish(tool)))));
        }
    });
    let times = times.into_inner().unwrap();
    let worst = times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
    let version = tools[0].client.server_info().version;
    println!(
        "{version}, a bare client: {count} messages stored; longest stall {worst:.2?}, as the disk of the leader is full"
    );
    assert!(servers[0].room() < 100_000, "its disk is not full");
    assert!(lock_themselves_up(&servers) || worst < Duration::from_secs(runs(30, 15)), "{worst:?}");
}
