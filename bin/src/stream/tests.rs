//! The stream over real sockets: an audience that is told things, the hub's thread, a server on loopback, and clients.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix_web::{App, HttpServer};
use actors::audience::{self, Audience, Heard};
use futures::{SinkExt, StreamExt};
use messages::orders::Status;
use serde_json::Value;
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use super::hub::tests::facts::{self, Facts};
use super::*;
use crate::http::listen;

/// Far longer than anything takes here.
const PATIENCE: Duration = Duration::from_secs(30);

/// A stream with its server.
struct Bench {
    audience: Audience,
    facts: Facts,
    /// Whether clients may watch.
    may_watch: Arc<AtomicBool>,
    address: SocketAddr,
    running: Running,
    stats: Arc<Stats>,
}

impl Bench {
    fn start() -> Self {
        let (audience, seat) = audience::channel();
        let known = Known { instruments: vec![facts::instrument("A")], ..Known::default() };
        let stats = seat.stats.clone();
        let sources = Sources { seat, logs: None, alerts: Box::new(|| None), make_whole: Box::new(|| {}) };
        let (stream, running) = Stream::start(sources, known).unwrap();
        let stream = web::Data::new(stream);
        let may_watch = Arc::new(AtomicBool::new(true));
        let may = web::Data::from(may_watch.clone());
        let app = move || App::new().app_data(stream.clone()).app_data(may.clone()).route("/", web::get().to(answer));
        let server = HttpServer::new(app);
        let listener = listen::on("127.0.0.1:0".parse().unwrap()).unwrap();
        let server = server.workers(1).disable_signals().shutdown_timeout(1).listen(listener).unwrap();
        let address = server.addrs()[0];
        tokio::spawn(server.run());
        Self { audience, facts: Facts::default(), may_watch, address, running, stats }
    }

    fn order_event(&mut self) {
        let update = self.facts.order(1, Status::Accepted);
        self.audience.tell(Heard::Order(Box::new(update)));
    }

    fn quote(&mut self) {
        let quote = self.facts.quote("A");
        self.audience.show(&Arc::new(quote));
    }

    async fn client(&self, topics: &[&str]) -> Client {
        let connection = TcpStream::connect(self.address).await.unwrap();
        let mut client = Client::over(connection, self.address).await;
        client.say(&serde_json::json!({"op": "subscribe", "topics": topics}).to_string()).await;
        let mut told = Vec::new();
        for _ in topics {
            let snapshot = client.next().await;
            assert_eq!(snapshot["type"], "snapshot");
            told.push(snapshot["topic"].as_str().unwrap().to_owned());
        }
        told.sort();
        let mut asked = topics.to_vec();
        asked.sort_unstable();
        assert_eq!(told, asked);
        client
    }
}

async fn answer(
    request: HttpRequest,
    body: web::Payload,
    stream: web::Data<Stream>,
    may: web::Data<AtomicBool>,
) -> HttpResponse {
    let may_watch = Box::new(move || may.load(Ordering::Relaxed));
    stream.accept(&request, body, may_watch).unwrap().unwrap_or_else(|| HttpResponse::ServiceUnavailable().finish())
}

struct Client(WebSocketStream<TcpStream>);

impl Client {
    async fn over(connection: TcpStream, address: SocketAddr) -> Self {
        Self(tokio_tungstenite::client_async(format!("ws://{address}/"), connection).await.unwrap().0)
    }

    async fn say(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    /// The next message; null at the end.
    async fn next(&mut self) -> Value {
        loop {
            match tokio::time::timeout(PATIENCE, self.0.next()).await.expect("a message in time") {
                Some(Ok(Message::Text(text))) => return serde_json::from_str(text.as_str()).unwrap(),
                Some(Ok(Message::Close(_))) | None => return Value::Null,
                Some(Ok(_)) => {}
                Some(Err(error)) => panic!("{error}"),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_reads_gets_every_order_event_while_one_never_reads() {
    const EVENTS: u64 = 5_000;
    let mut bench = Bench::start();
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(8 << 10).unwrap();
    let mut silent = Client::over(socket.connect(bench.address).await.unwrap(), bench.address).await;
    silent.say(r#"{"op": "subscribe", "topics": ["orders", "quotes/simulated:A"]}"#).await;
    let mut readers = Vec::new();
    for _ in 0..5 {
        let mut client = bench.client(&["orders", "quotes/simulated:A"]).await;
        readers.push(tokio::spawn(async move {
            let (mut numbers, mut seq) = (Vec::new(), 0);
            while numbers.len() < EVENTS as usize {
                let message = client.next().await;
                assert_eq!(message["type"], "update", "{message}");
                if message["topic"] == "orders" {
                    assert_eq!(message["seq"].as_u64(), Some(seq + 1), "no hole");
                    seq += 1;
                    let events = message["data"].as_array().unwrap();
                    numbers.extend(events.iter().map(|event| event["number"].as_u64().unwrap()));
                }
            }
            numbers
        }));
    }
    for n in 0..EVENTS {
        bench.order_event();
        bench.quote();
        if n % 100 == 0 {
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    }
    for reader in readers {
        assert_eq!(reader.await.unwrap(), (1..=EVENTS).collect::<Vec<_>>(), "each once, in order");
    }
    let counts = bench.stats.counts();
    assert_eq!((counts.closed_slow, counts.lost_events, counts.connected), (0, 0, 6), "{counts:?}");
    drop(silent);
    tokio::task::spawn_blocking(|| bench.running.stop()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_words_are_answered_and_a_flood_ends_the_client() {
    let bench = Bench::start();
    let mut client = bench.client(&["orders"]).await;
    for (wrong, code) in [
        ("what?", "unreadable"),
        (r#"{"op": "subscribe", "topics": ["quotes/simulated:NOBODY"]}"#, "unknown_topic"),
        (r#"{"op": "subscribe", "topics": ["everything"]}"#, "unknown_topic"),
    ] {
        client.say(wrong).await;
        let answer = client.next().await;
        assert_eq!((answer["type"].as_str(), answer["code"].as_str()), (Some("error"), Some(code)), "{wrong}");
    }
    for _ in 0..=2 * caps::CLIENT_FRAMES_PER_SECOND {
        // It may be closed before all of them are sent.
        if client.0.send(Message::text(r#"{"op": "unsubscribe", "topics": []}"#)).await.is_err() {
            break;
        }
    }
    assert_eq!(client.next().await["code"], "flood");
    assert_eq!(client.next().await, Value::Null, "closed");
    assert_eq!(bench.stats.counts().closed_faulty, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_logged_out_is_told_nothing_more() {
    let bench = Bench::start();
    let mut client = bench.client(&["orders"]).await;
    bench.may_watch.store(false, Ordering::Relaxed);
    client.say(r#"{"op": "subscribe", "topics": ["fills"]}"#).await;
    assert_eq!(client.next().await["code"], "logged_out");
    assert_eq!(client.next().await, Value::Null, "closed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frame_that_is_too_long_ends_the_client() {
    let bench = Bench::start();
    let mut client = bench.client(&["orders"]).await;
    client.say(&"x".repeat(caps::CLIENT_FRAME_BYTES + 1)).await;
    assert_eq!(client.next().await["code"], "faulty");
    assert_eq!(client.next().await, Value::Null, "closed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_watches_is_told_that_it_is_over_and_its_place_is_free() {
    let mut bench = Bench::start();
    let mut client = bench.client(&["orders"]).await;
    assert_eq!(bench.stats.counts().clients, 1);
    (0..3).for_each(|_| bench.order_event());
    let (running, stats) = (bench.running, bench.stats);
    tokio::task::spawn_blocking(|| running.stop()).await.unwrap();
    let mut events = 0;
    let last = loop {
        let message = client.next().await;
        match message["data"].as_array() {
            Some(data) => events += data.len(),
            None => break message,
        }
    };
    assert_eq!((events, &last["code"]), (3, &"stopping".into()), "what happened to the end, and then the end");
    assert_eq!(client.next().await, Value::Null, "closed");
    drop(client);
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while stats.counts().clients > 0 {
        assert!(tokio::time::Instant::now() < deadline, "the place stays taken");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
