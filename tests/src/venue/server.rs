//! The venue's end of the socket: threads around the books.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use messages::venues::{VenueReport, VenueRequest};
use messages::{Account, UtcNanos};

use super::books::Books;
use super::connector::Said;

/// How often orders at the venue may trade.
const TRADE_EVERY: Duration = Duration::from_millis(10);

/// A venue that listens.
pub struct Server {
    /// Where.
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    books: Mutex<Books>,
    /// The one runtime that is connected.
    peer: Mutex<Option<TcpStream>>,
    submits: AtomicU64,
    ends: AtomicBool,
}

impl Server {
    /// Opens a venue on a free port of loopback.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "a venue of the testkit has threads of its own")]
    pub fn open(account: Account, seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let shared = Arc::new(Shared {
            books: Mutex::new(Books::new(account, seed)),
            peer: Mutex::new(None),
            submits: AtomicU64::new(0),
            ends: AtomicBool::new(false),
        });
        let accepting = shared.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let serving = accepting.clone();
                *lock(&accepting.peer) = stream.try_clone().ok();
                thread::spawn(move || serving.serve(stream));
            }
        });
        let trading = shared.clone();
        thread::spawn(move || {
            while !trading.ends.load(Ordering::Acquire) {
                thread::sleep(TRADE_EVERY);
                let mut out = Vec::new();
                let mut books = lock(&trading.books);
                books.trade(now(), &mut out);
                trading.say(out);
            }
        });
        Self { address, shared }
    }

    /// Orders that were submitted so far.
    #[must_use]
    pub fn submits(&self) -> u64 {
        self.shared.submits.load(Ordering::Acquire)
    }

    /// The books.
    pub fn books(&self) -> MutexGuard<'_, Books> {
        lock(&self.shared.books)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.ends.store(true, Ordering::Release);
    }
}

impl Shared {
    fn serve(&self, stream: TcpStream) {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            // A runtime that is killed may leave half a line: it was never sent.
            let Ok(request) = serde_json::from_str::<VenueRequest>(&line) else { continue };
            let mut out = Vec::new();
            let mut books = lock(&self.books);
            if matches!(request, VenueRequest::Submit { .. }) {
                self.submits.fetch_add(1, Ordering::AcqRel);
            }
            if let VenueRequest::Account { wanted, at } = &request {
                let snapshot = books.account(wanted, *at, now());
                self.write(&Said::Account(Box::new(snapshot)));
            }
            books.on_request(&request, &mut out);
            self.say(out);
        }
    }

    /// Called with the books locked, so that reports leave in their order.
    fn say(&self, reports: Vec<VenueReport>) {
        reports.into_iter().for_each(|report| self.write(&Said::Report(Box::new(report))));
    }

    fn write(&self, said: &Said) {
        let mut peer = lock(&self.peer);
        let mut line = serde_json::to_string(said).expect("plain data");
        line.push('\n');
        if peer.as_mut().is_some_and(|p| p.write_all(line.as_bytes()).is_err()) {
            *peer = None;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[expect(clippy::disallowed_methods, reason = "a venue has a clock of its own")]
fn now() -> UtcNanos {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UtcNanos(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}
