//! Three servers that keep each message three times, of which one at a time is killed, or told to end in lame duck mode.

use std::net::{Ipv4Addr, TcpListener};
use std::thread;
use std::time::{Duration, Instant};

use coquad_nats::admin::Admin;
use coquad_nats::{Nats, Server};
use futures::executor::block_on;

use crate::operators::Run;
use crate::support::worker::{URL, WorkerProcess};
use crate::support::{Folder, NatsServer, runs, until};

/// How one of them goes.
#[derive(Clone, Copy, Debug)]
enum End {
    Killed,
    LameDuck,
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
        }
        thread::sleep(pause);
        victim.restart();
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
    // What is measured in the long tier; elections take longer where there is other work.
    assert!(*worst < Duration::from_secs(runs(30, 10)), "{stalls:?}");
}

#[test]
fn a_cluster_of_three_survives_the_loss_of_each() {
    survives(End::Killed, runs(1_000, 2_500) as u32, runs(2, 24), Duration::from_millis(runs(500, 2_500)));
}

#[test]
fn a_cluster_of_three_survives_lame_ducks() {
    survives(End::LameDuck, runs(1_000, 2_500) as u32, runs(2, 24), Duration::from_millis(runs(500, 2_500)));
}

/// The disk of one of three is full, and stays so: a server of the cluster that can keep nothing.
#[test]
fn a_cluster_of_three_survives_a_full_disk() {
    if !NatsServer::may_have_disks() {
        println!("not run: this machine lets no process have a disk of its own");
        return;
    }
    // Of a few thousand answers, or of the log of the servers' votes.
    let servers = cluster(Some(runs(2, 4) as u32));
    let (nats, _workers) = connected(&servers);
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
        "a disk with {room} bytes left: {} evaluations in {:.0?}, none lost; longest stalls {stalls:.2?}; {:?}",
        u64::from(count) * runs(2, 3),
        begin.elapsed(),
        nats.report()
    );
    // Less than a block of what is stored.
    assert!(room < 100_000, "its disk is not full");
    // The old server's streams stand still until others are elected to lead them.
    let version = Admin::connect(servers[1].url()).unwrap().status().unwrap().version;
    let most = if version.starts_with("2.9.") { 30 } else { runs(30, 10) };
    assert!(*worst < Duration::from_secs(most), "{stalls:?}");
}
