#[path = "/work/main/tests/it/support/cluster.rs"]
#[allow(dead_code)]
mod cluster;
use cluster::*;
use coquad::*;
fn main(){
    for seed in 1..6 { let (c, clock) = Cluster::new(|x: f64| (64.0*x.sin()).cos(), 64, Latency::HeavyTail, seed);
    let i = Integrator::new(c).method(GaussKronrod::new(21));
    let fut = i.integrate(0.0, std::f64::consts::PI, 1e-10);
    let mut fut = Box::pin(fut);
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    loop {
        if let std::task::Poll::Ready(r) = fut.as_mut().poll(&mut cx) { println!("{:?}", r.unwrap().value); break; }
        println!("t={} started {} outstanding {}", clock.now(), clock.started(), clock.outstanding());
        clock.tick();
    } println!("--");}
}
