//! Measures how deep recursion goes: `cargo run --release --example pmap_depth [levels] [drop|plain|plain-drop]`.
//!
//! Recursion through `pmap` is limited by memory. `plain` awaits `Box::pin` directly and aborts when it is too deep.

use std::pin::{Pin, pin};
use std::task::{Context, Waker};

use coquad::pmap;
use futures::executor::block_on;
use futures::future::pending;

type Chain = Pin<Box<dyn Future<Output = u64> + Send>>;

fn through_pmap(levels: u64, finish: bool) -> Chain {
    Box::pin(async move {
        if levels == 0 {
            return if finish { 0 } else { pending().await };
        }
        1 + pmap(|levels| through_pmap(levels, finish), [levels - 1]).await[0]
    })
}

fn plain(levels: u64, finish: bool) -> Chain {
    Box::pin(async move {
        if levels == 0 {
            return if finish { 0 } else { pending().await };
        }
        1 + plain(levels - 1, finish).await
    })
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let levels: u64 = arguments.next().map_or(100_000, |n| n.parse().expect("a number of levels"));
    let mode = arguments.next().unwrap_or_default();
    let finish = !mode.ends_with("drop");
    let chain = if mode.starts_with("plain") { plain(levels, finish) } else { through_pmap(levels, finish) };
    let start = std::time::Instant::now();
    if finish {
        assert_eq!(block_on(chain), levels);
    } else {
        let mut chain = pin!(chain);
        assert!(chain.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        chain.set(Box::pin(async { 0 }));
    }
    println!("{levels} levels in {:.2?}", start.elapsed());
    if let Ok(status) = std::fs::read_to_string("/proc/self/status") {
        let peak = status.lines().find(|line| line.starts_with("VmHWM:")).and_then(|l| l.split_whitespace().nth(1));
        let peak: f64 = peak.and_then(|n| n.parse().ok()).unwrap_or(f64::NAN);
        println!("{:.0} bytes per level at the peak", peak * 1024.0 / levels as f64);
    }
}
