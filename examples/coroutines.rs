//! Coroutines as Rust has them: sources (streams), filters, sinks, and a conversation, all on one thread.

use futures::channel::mpsc;
use futures::executor::block_on;
use futures::{FutureExt, Sink, SinkExt, Stream, StreamExt, sink, stream};

/// Makes a stream of an async function that sends what a Python generator would `yield`.
///
/// The function runs only when the stream is polled, one item ahead of the reader, and is dropped with it: it may loop
/// for ever.
fn generator<T, F: Future<Output = ()>>(body: impl FnOnce(mpsc::Sender<T>) -> F) -> impl Stream<Item = T> {
    let (sender, items) = mpsc::channel(0);
    let body = body(sender).into_stream().filter_map(async |()| None);
    stream::select(items, body)
}

/// 0, 1, 2, ...
fn integers() -> impl Stream<Item = u64> {
    generator(async |mut out| {
        let mut n = 0;
        while out.send(n).await.is_ok() {
            n += 1;
        }
    })
}

/// 0, 1, 1, 2, 3, 5, ... Where the state is small, `unfold` says the same without a channel.
fn fibonacci() -> impl Stream<Item = u64> {
    stream::unfold((0, 1), async |(a, b)| Some((a, (b, a + b))))
}

fn even(numbers: impl Stream<Item = u64>) -> impl Stream<Item = u64> {
    numbers.filter(|n| std::future::ready(n % 2 == 0))
}

async fn first(n: usize, numbers: impl Stream<Item = u64>) -> Vec<u64> {
    numbers.take(n).collect().await
}

/// A sink: prints what it is sent, each line with its number, and keeps a copy in `paper`.
fn printer(paper: &mut Vec<String>) -> impl Sink<String, Error = std::fmt::Error> {
    sink::unfold((1, paper), async |(number, paper), line: String| {
        paper.push(format!("{number:>2}: {line}"));
        println!("{}", paper[number - 1]);
        Ok((number + 1, paper))
    })
}

/// Accepts a number, replies with the mean of all so far, accepts the next: until the other side hangs up.
async fn averager(mut accept: mpsc::Receiver<f64>, mut reply: mpsc::Sender<f64>) {
    let (mut sum, mut count) = (0.0, 0.0);
    while let Some(x) = accept.next().await {
        (sum, count) = (sum + x, count + 1.0);
        if reply.send(sum / count).await.is_err() {
            return;
        }
    }
}

/// The other side: says its numbers one by one, and waits for each reply.
async fn asker(mut say: mpsc::Sender<f64>, mut hear: mpsc::Receiver<f64>) -> Vec<(f64, f64)> {
    let mut heard = Vec::new();
    for x in [10.0, 20.0, 60.0, 2.0] {
        say.send(x).await.expect("the averager listens");
        heard.push((x, hear.next().await.expect("the averager replies")));
    }
    heard
}

async fn run() -> Result<(), std::fmt::Error> {
    let mut paper = Vec::new();
    let mut print = Box::pin(printer(&mut paper));
    print.send(format!("integers        {:?}", first(8, integers()).await)).await?;
    print.send(format!("even numbers    {:?}", first(8, even(integers())).await)).await?;
    print.send(format!("Fibonacci       {:?}", first(12, fibonacci()).await)).await?;
    print.send(format!("even Fibonacci  {:?}", first(8, even(fibonacci())).await)).await?;

    let ((say, accept), (reply, hear)) = (mpsc::channel(0), mpsc::channel(0));
    let (heard, ()) = futures::future::join(asker(say, hear), averager(accept, reply)).await;
    let lines = heard.iter().map(|(x, mean)| Ok(format!("said {x:>4}, was told the mean so far, {mean:.1}")));
    print.send_all(&mut stream::iter(lines)).await?;
    drop(print);

    assert_eq!(paper.len(), 8);
    assert_eq!(paper[3], " 4: even Fibonacci  [0, 2, 8, 34, 144, 610, 2584, 10946]");
    assert_eq!(heard, [(10.0, 10.0), (20.0, 15.0), (60.0, 30.0), (2.0, 23.0)]);
    Ok(())
}

fn main() -> Result<(), std::fmt::Error> {
    block_on(run())
}
