#[path = "/work/main/tests/it/support/cluster.rs"]
#[allow(dead_code)]
mod cluster;
use cluster::*;
use coquad::*;
fn main(){
    let (c, clock) = Cluster::new(|x: f64| x.sin(), 64, Latency::Unit, 1);
    let i = Integrator::new(c).method(Simpson);
    let fut = i.integrate(0.0, std::f64::consts::PI, 1e-10);
    let mut fut = std::pin::pin!(fut);
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    loop {
        if let std::task::Poll::Ready(r) = fut.as_mut().poll(&mut cx) { println!("{:?}", r.unwrap().value); break; }
        println!("t={} started {} outstanding {}", clock.now(), clock.started(), clock.outstanding());
        clock.tick();
    }
}
