//! A trading venue on a local port, for scripts and public clients: Binance Spot or Alpaca, with money that is not real.
//!
//! ```text
//! venue-server binance PORT SEED [ED25519] [orders=N]   keys `key` with `secret`, and `ed25519` with that public key
//!                                                       (64 hexadecimal digits); N new orders in ten seconds, else 100
//! venue-server alpaca  PORT SEED [text] [requests=N]    keys `key` with `secret`; updates in binary frames, or in text;
//!                                                       N requests in a minute, else 200
//! ```
//! PORT 0 takes any. Prints its address; then each line of its input is a command of [`testkit::venue::control`], answered by
//! one line, `ok`, what was asked for, or `error: …`. Ends with its input.

use std::io::BufRead;

use testkit::feeds::serve::now;
use testkit::venue::control::obey;
use testkit::venue::face::Face;
use testkit::venue::faults::Faults;
use testkit::venue::faulty::Venue;
use testkit::venue::serve::VenueServer;
use testkit::venue::standard;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize| -> u64 { arguments.get(at).map_or(0, |n| n.parse().expect("a number; see the source")) };
    let port = u16::try_from(number(1)).expect("a port");
    let faults = Faults::new(number(2));
    let more = || arguments.iter().skip(3);
    let limit = |name: &str, usual: u32| -> u32 {
        let given = more().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
        given.map_or(usual, |n| n.parse().expect("a number; see the source"))
    };
    match arguments.first().map(String::as_str) {
        Some("binance") => {
            let public = more().find(|word| !word.contains('='));
            let public = public.map(|digits| hex::decode(digits).expect("64 hexadecimal digits"));
            let face = standard::binance(public).with_limits(6_000, [limit("orders", 100), 200_000]);
            serve(Venue::new(face, faults), port);
        }
        Some("alpaca") => {
            let face = standard::alpaca(!more().any(|word| word == "text"), now());
            serve(Venue::new(face.with_requests(limit("requests", 200)), faults), port);
        }
        other => panic!("`{}`: expected binance or alpaca", other.unwrap_or("")),
    }
}

fn serve<F: Face + 'static>(venue: Venue<F>, port: u16) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("tokio");
    let server = runtime.block_on(VenueServer::start(venue, port));
    println!("{}", server.address);
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        let told = server.venue(|venue| obey(venue, &line, now()));
        println!("{}", told.unwrap_or_else(|error| format!("error: {error}")));
    }
}
