//! Floods of junk: the memory of whoever is flooded stays what it is, and valid work goes on.

use std::process::{Command, Stdio};

use coquad::Evaluator;
use coquad_nats::Nats;
use futures::executor::block_on;

use crate::noise::Noise;
use crate::support::worker::{WorkerProcess, peak};
use crate::support::{NatsServer, Tool, until};

const FLOODED: &str = "COQUAD_TEST_FLOODED";

/// A flood: so many messages, garbled ones or as long as the server takes.
#[derive(Clone, Copy)]
enum Junk {
    Short(usize),
    Long(usize),
}

/// Of a process: what it has in memory (`VmRSS`) or had at most (`VmHWM`), in KiB.
fn memory(pid: u32, what: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(what)).unwrap();
    line.trim_matches(|c: char| !c.is_ascii_digit()).parse().unwrap()
}

/// Publishes junk to all of these, as fast as the server takes it.
fn flood(tool: &Tool, junk: Junk, subjects: &[String], good: &[u8]) {
    let mut noise = Noise(9);
    let (Junk::Short(count) | Junk::Long(count)) = junk;
    tool.block_on(async {
        for i in 0..count {
            let subject = subjects[i % subjects.len()].clone();
            let bytes = if let Junk::Short(_) = junk { noise.garbled(good) } else { vec![i as u8; 1_000_000] };
            tool.client.publish_with_reply(subject, "nowhere", bytes.into()).await.unwrap();
        }
        tool.client.flush().await.unwrap();
    });
}

/// The coordinator of the test below, in a process of its own.
#[test]
fn coordinator_process() {
    let Ok(url) = std::env::var(FLOODED) else { return };
    let nats = block_on(Nats::connect(url)).unwrap();
    let value = block_on(nats.evaluator::<f64>("peak").run("known").evaluate(0.5)).unwrap();
    println!("value {:016x} {} KiB", value.to_bits(), memory(std::process::id(), "VmHWM:"));
}

/// A coordinator that waits for one answer amid junk: what memory it has before, and at most, in KiB.
fn flooded_coordinator(junk: Junk) -> (u64, u64) {
    let server = NatsServer::start();
    let tool = Tool::new(&server);
    let coordinator = Command::new(std::env::current_exe().unwrap())
        .args(["flood::coordinator_process", "--exact", "--nocapture"])
        .env(FLOODED, server.url())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    until("the job is there", || tool.stream_is_there("default") && tool.jobs_waiting("default") == 1);
    let before = memory(coordinator.id(), "VmRSS:");
    let reply = tool.queued_job_reply("peak");
    let mut good = Vec::new();
    coquad::wire::Answer::new("another", Ok(vec![7.0].into())).encode(&mut good);
    let (run, _) = reply.rsplit_once('.').unwrap();
    let subjects = [
        reply.clone(),
        format!("{run}.another"),
        run.replace(".res.", ".alive."),
        "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.COQUAD1_default_JOBS.peak".to_owned(),
    ];
    flood(&tool, junk, &subjects, &good);
    let _worker = WorkerProcess::start(&server, "peak", 1);
    // It says what it has found, and how much memory that took.
    let output = coordinator.wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let mut words = said.lines().find_map(|line| line.split_once("value ")).unwrap().1.split(' ');
    assert_eq!(words.next().unwrap(), format!("{:016x}", peak(0.5).to_bits()));
    let most: u64 = words.next().unwrap().parse().unwrap();
    (before, most)
}

#[test]
fn a_flood_of_answers_costs_a_coordinator_no_memory() {
    let (before, most) = flooded_coordinator(Junk::Short(100_000));
    println!("100,000 junk answers: {before} KiB before, {most} KiB at most");
    assert!(most - before < 16 << 10, "{before} KiB before, {most} KiB at most");
}

#[test]
fn a_flood_of_long_answers_costs_a_coordinator_what_the_server_keeps_for_it() {
    let (before, most) = flooded_coordinator(Junk::Long(400));
    println!("400 junk answers of 1 MB: {before} KiB before, {most} KiB at most");
    // The server keeps 64 MiB for a connection that does not read as fast as others write.
    assert!(most - before < 128 << 10, "{before} KiB before, {most} KiB at most");
}

#[test]
fn a_flood_of_jobs_costs_a_worker_no_memory() {
    let server = NatsServer::start();
    let nats = server.connect();
    let evaluator = nats.evaluator::<f64>("peak");
    let worker = WorkerProcess::start(&server, "peak", 4);
    assert_eq!(block_on(evaluator.evaluate(0.25)).unwrap().to_bits(), peak(0.25).to_bits());
    let before = memory(worker.pid(), "VmRSS:");
    let tool = Tool::new(&server);
    let mut good = Vec::new();
    let reply = Some("coquad1.default.res.r-1.1f");
    coquad::wire::Job { id: "1f", function: "other", x: vec![0.5].into(), reply, ..Default::default() }
        .encode(&mut good);
    let subjects = ["coquad1.default.job.peak".to_owned(), "coquad1.default.cancel.r-1".to_owned()];
    flood(&tool, Junk::Short(100_000), &subjects, &good);
    flood(&tool, Junk::Long(20), &subjects, &good);
    // Behind all of it.
    assert_eq!(block_on(evaluator.evaluate(0.5)).unwrap().to_bits(), peak(0.5).to_bits());
    until("all are ended", || tool.jobs_waiting("default") == 0);
    let most = memory(worker.pid(), "VmHWM:");
    println!("100,000 junk jobs and cancellations: {before} KiB before, {most} KiB at most");
    assert!(most - before < 16 << 10, "{before} KiB before, {most} KiB at most");
}
