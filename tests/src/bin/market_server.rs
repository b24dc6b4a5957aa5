//! A venue's data server on a local port, for scripts: plays a recording or a market made from a seed, on the wall clock.
//!
//! ```text
//! market-server recorded  DELAY FILE…          the recording, beginning DELAY seconds from now
//! market-server synthetic DELAY SECONDS RATE BURST   RATE frames a second over two symbols; with BURST above 1 two seconds of
//!                                              every five come within a BURSTth of that time
//! market-server alpaca    DELAY SYMBOL…        Alpaca's: stocks, or crypto if a symbol has a slash; keys `id` and `secret`
//! ```
//! Prints its address, runs until its input is closed, then prints what it has told as JSON.

use std::io::Read;
use std::path::Path;
use std::time::Duration;

use messages::UtcNanos;
use testkit::feeds::Model;
use testkit::feeds::alpaca::{AlpacaServer, Setup};
use testkit::feeds::binance::{BinanceServer, Body, Event, Plan, Settings, recorded, synthetic};
use testkit::feeds::serve::{Server, now};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number =
        |at: usize| -> u64 { arguments.get(at).and_then(|n| n.parse().ok()).expect("a number; see the source") };
    let begin = now().after(Duration::from_secs(number(1)));
    let (books, timeline) = match arguments[0].as_str() {
        "recorded" => {
            let files: Vec<&Path> = arguments[2..].iter().map(Path::new).collect();
            recorded(&files, begin)
        }
        "synthetic" => {
            let symbols = ["BTCUSDT", "ETHUSDT"].map(str::to_owned).to_vec();
            // Each of the symbols has its events.
            let every = Duration::from_nanos(1_000_000_000 * symbols.len() as u64 / number(3));
            let end = begin.after(Duration::from_secs(number(2)));
            let (books, mut timeline) = synthetic(&Plan { symbols, begin, end, every, absurd: 0, seed: 7 });
            burst(&mut timeline, begin, number(4));
            (books, timeline)
        }
        "alpaca" => {
            let symbols = arguments[2..].to_vec();
            let crypto = symbols.iter().any(|symbol| symbol.contains('/'));
            let server = AlpacaServer::new(Setup { symbols, crypto, ..Setup::default() }, begin);
            return serve(server, |server| {
                format!("{{\"trades\":{}}}", server.truth().values().map(Vec::len).sum::<usize>())
            });
        }
        other => panic!("`{other}`: expected recorded, synthetic or alpaca"),
    };
    serve(BinanceServer::new(Settings::default(), books, timeline), |server| {
        let count = |kind: fn(&Body) -> bool| server.truth().iter().filter(|event| kind(&event.body)).count();
        let (trades, quotes) = (count(|b| matches!(b, Body::Trade(_))), count(|b| matches!(b, Body::Quote(_))));
        let depths = count(|b| matches!(b, Body::Depth { .. }));
        format!("{{\"trades\":{trades},\"quotes\":{quotes},\"depths\":{depths}}}")
    });
}

/// Serves until the input is closed, then tells what there was.
fn serve<M: Model + 'static>(model: M, tell: impl Fn(&mut M) -> String) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("tokio");
    runtime.block_on(async {
        let server = Server::start(model, 0).await;
        println!("{}", server.address);
        let closed = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
        closed.await.expect("a thread").expect("the input");
        println!("{}", server.model(|model| tell(model)));
    });
}

/// Squeezes the first two seconds of every five.
fn burst(timeline: &mut [Event], begin: UtcNanos, factor: u64) {
    const PERIOD: i64 = 5_000_000_000;
    const SQUEEZED: i64 = 2_000_000_000;
    for event in timeline.iter_mut() {
        let since = event.at.since(begin);
        let inside = since.rem_euclid(PERIOD);
        if factor > 1 && inside < SQUEEZED {
            event.at = UtcNanos(begin.0 + since - inside + inside / i64::try_from(factor).unwrap_or(1));
        }
    }
}
