//! The shell around a [`Session`]: one socket, the clock, and what the gateway hears.
//!
//! It tells the session what came and performs what the session says, one thing after the other. Pings of the venue are answered by the
//! library with the same payload.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use messages::venues::VenueRequest;
use messages::{UtcNanos, caps};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{Connector as Tls, MaybeTlsStream, WebSocketStream, client_async_tls_with_config};

use super::failure::Failure;
use super::key::ApiKey;
use super::session::{Effect, Session};
use super::settings::Parameters;
use crate::clock::Clock;
use crate::venues::{Connector, FromVenue, Say};
use crate::wire::reach::Reach;

/// The longest that a message may take to be written, and a connection to be closed.
const WRITES_WITHIN: Duration = Duration::from_secs(5);

type Socket = Box<WebSocketStream<MaybeTlsStream<TcpStream>>>;
type Opening = Pin<Box<dyn Future<Output = Result<Socket, NotOpen>> + Send>>;

/// Why there is no connection.
enum NotOpen {
    /// The venue answered the handshake by something else: it may have closed its door.
    Refused { status: u16, body: String, retry_after_secs: Option<u64> },
    /// It was not reached.
    Failed(String),
}

/// Speaks to the venue.
pub struct BinanceConnector {
    session: Session,
    url: String,
    reach: Reach,
    clock: Clock,
}

impl BinanceConnector {
    /// A connector by the parameters of `venues`, with the key that their file holds.
    ///
    /// # Errors
    /// Live without what it needs.
    pub fn new(parameters: &Parameters, key: Arc<ApiKey>, reach: Reach, clock: Clock) -> Result<Self, String> {
        parameters.place()?;
        let url = parameters.address().to_owned();
        let session = Session::new(parameters.account, key, parameters.reconnect_longest);
        Ok(Self { session, url, reach, clock })
    }
}

impl Connector for BinanceConnector {
    fn run(
        self: Box<Self>,
        requests: flume::Receiver<VenueRequest>,
        say: Say,
    ) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let Self { session, url, reach, clock } = *self;
        let shell = Shell { session, url, reach, clock, say, socket: None, opening: None };
        Box::pin(shell.run(requests))
    }
}

/// What came.
enum Input {
    Request(VenueRequest),
    /// The runtime has no more requests.
    End,
    Opened(Result<Socket, NotOpen>),
    Read(Option<Result<Message, Error>>),
    Due,
}

struct Shell {
    session: Session,
    url: String,
    reach: Reach,
    clock: Clock,
    say: Say,
    socket: Option<Socket>,
    opening: Option<Opening>,
}

impl Shell {
    async fn run(mut self, requests: flume::Receiver<VenueRequest>) {
        loop {
            let now = self.clock.now();
            let due = self.clock.until(self.session.next_due(now));
            let input = tokio::select! {
                request = requests.recv_async() => request.map_or(Input::End, Input::Request),
                read = next(&mut self.socket) => Input::Read(read),
                opened = finished(&mut self.opening) => Input::Opened(opened),
                () = tokio::time::sleep(due) => Input::Due,
            };
            let now = self.clock.now();
            let mut out = Vec::new();
            match input {
                Input::Request(request) => self.session.request(request, now, &mut out),
                Input::End => return self.close().await,
                Input::Opened(Ok(socket)) => {
                    (self.opening, self.socket) = (None, Some(socket));
                    self.session.opened(now, &mut out);
                }
                Input::Opened(Err(why)) => self.not_opened(why, now, &mut out),
                Input::Read(read) => self.read(read, now, &mut out),
                Input::Due => self.session.on_timer(now, &mut out),
            }
            self.perform(out).await;
        }
    }

    fn read(&mut self, read: Option<Result<Message, Error>>, now: UtcNanos, out: &mut Vec<Effect>) {
        match read {
            Some(Ok(Message::Text(text))) => self.session.frame(&text, now, out),
            Some(Ok(Message::Binary(bytes))) => self.session.frame(&String::from_utf8_lossy(&bytes), now, out),
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => self.session.alive(now),
            Some(Ok(Message::Close(frame))) => {
                let said = frame.map_or_else(String::new, |f| format!(": {} {}", f.code, f.reason));
                self.lost(&format!("the venue closed the connection{said}"), now, out);
            }
            Some(Err(error)) => self.lost(&error.to_string(), now, out),
            None => self.lost("the venue closed the connection", now, out),
        }
    }

    fn lost(&mut self, why: &str, now: UtcNanos, out: &mut Vec<Effect>) {
        (self.socket, self.opening) = (None, None);
        self.session.closed(why, now, out);
    }

    fn not_opened(&mut self, why: NotOpen, now: UtcNanos, out: &mut Vec<Effect>) {
        match why {
            NotOpen::Refused { status, body, retry_after_secs } => {
                self.opening = None;
                self.session.refused(&Failure::read(status, &body, retry_after_secs, now), now, out);
            }
            NotOpen::Failed(why) => self.lost(&why, now, out),
        }
    }

    /// The one place for effects.
    async fn perform(&mut self, effects: Vec<Effect>) {
        let mut effects = VecDeque::from(effects);
        while let Some(effect) = effects.pop_front() {
            match effect {
                Effect::Open => self.opening = Some(Box::pin(connect(self.url.clone(), self.reach.clone()))),
                Effect::Send(message) => {
                    if let Err(why) = self.write(message.reveal()).await {
                        let mut out = Vec::new();
                        self.lost(&why, self.clock.now(), &mut out);
                        effects.extend(out);
                    }
                }
                Effect::Close => self.close().await,
                Effect::Connected => (self.say)(FromVenue::Connected),
                Effect::Disconnected(why) => (self.say)(FromVenue::Disconnected(why)),
                Effect::Reports(reports) => (self.say)(FromVenue::Reports(reports)),
                Effect::Account(snapshot) => (self.say)(FromVenue::Account(snapshot)),
                Effect::Rules(told) => (self.say)(FromVenue::Rules(told)),
                Effect::Heard(heard) => match heard.for_people() {
                    Some(note) => (self.say)(FromVenue::Note(note)),
                    None => tracing::debug!(venue = "binance", "{heard:?}"),
                },
            }
        }
    }

    async fn write(&mut self, text: &str) -> Result<(), String> {
        let Some(socket) = &mut self.socket else { return Ok(()) };
        match tokio::time::timeout(WRITES_WITHIN, socket.send(Message::text(text))).await {
            Ok(written) => written.map_err(|e| e.to_string()),
            Err(_) => Err(format!("a message was not written in {}", crate::durations::format(WRITES_WITHIN))),
        }
    }

    async fn close(&mut self) {
        self.opening = None;
        if let Some(mut socket) = self.socket.take() {
            // We leave; whether the other side agrees matters to nobody.
            let _ = tokio::time::timeout(WRITES_WITHIN, socket.as_mut().close(None)).await;
        }
    }
}

async fn next(socket: &mut Option<Socket>) -> Option<Result<Message, Error>> {
    match socket {
        Some(socket) => socket.next().await,
        None => std::future::pending().await,
    }
}

async fn finished(opening: &mut Option<Opening>) -> Result<Socket, NotOpen> {
    match opening {
        Some(opening) => opening.await,
        None => std::future::pending().await,
    }
}

async fn connect(url: String, reach: Reach) -> Result<Socket, NotOpen> {
    let request = url.as_str().into_client_request().map_err(|e| NotOpen::Failed(format!("`{url}`: {e}")))?;
    let stream = reach.connect(request.uri()).await.map_err(NotOpen::Failed)?;
    let config =
        WebSocketConfig::default().max_message_size(Some(caps::FRAME_BYTES)).max_frame_size(Some(caps::FRAME_BYTES));
    let tls = Tls::Rustls(reach.tls.clone());
    let opened = client_async_tls_with_config(request, stream, Some(config), Some(tls)).await;
    opened.map(|(socket, _)| Box::new(socket)).map_err(not_open)
}

fn not_open(error: Error) -> NotOpen {
    let answer = match error {
        Error::Http(answer) => answer,
        other => return NotOpen::Failed(format!("the handshake failed: {other}")),
    };
    let retry_after = answer.headers().get("retry-after").and_then(|value| value.to_str().ok());
    NotOpen::Refused {
        status: answer.status().as_u16(),
        retry_after_secs: retry_after.and_then(|secs| secs.parse().ok()),
        body: answer.body().as_deref().map(String::from_utf8_lossy).unwrap_or_default().into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use messages::orders::{OrderRequest, Side};
    use messages::venues::NoteKind;
    use messages::{Exchange, Instrument, OrderId, Quantity};
    use serde_json::{Value, json};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio_tungstenite::accept_async;

    use super::*;

    /// A venue that takes one order, tells it twice, and hangs up; then it takes a new connection.
    async fn venue(listener: tokio::net::TcpListener) -> Vec<String> {
        let mut asked = Vec::new();
        for _ in 0..2 {
            let (stream, _) = listener.accept().await.unwrap();
            let mut socket = accept_async(stream).await.unwrap();
            loop {
                let Some(Ok(Message::Text(text))) = socket.next().await else { return asked };
                let message: Value = serde_json::from_str(&text).unwrap();
                let method = message["method"].as_str().unwrap().to_owned();
                let result = match method.as_str() {
                    "time" => json!({"serverTime": 1_700_000_000_000_i64}),
                    "order.place" => {
                        json!({"symbol": "BTCUSDT", "orderId": 7, "clientOrderId": message["params"]["newClientOrderId"]})
                    }
                    _ => json!({}),
                };
                let answer = json!({"id": message["id"], "status": 200, "result": result}).to_string();
                socket.send(Message::text(answer)).await.unwrap();
                asked.push(method);
                if asked.len() == 3 {
                    break;
                }
            }
        }
        asked
    }

    fn connector(listener: &tokio::net::TcpListener) -> BinanceConnector {
        let parameters: Parameters = toml::from_str(&format!(
            "profile = \"test\"\naccount = \"binance-test\"\nurl = \"ws://{}\"",
            listener.local_addr().unwrap()
        ))
        .unwrap();
        let key = Arc::new(ApiKey::new("public", "hush").unwrap());
        let reach = Reach::from_environment(Duration::from_secs(5)).unwrap();
        BinanceConnector::new(&parameters, key, reach, Clock::wall()).unwrap()
    }

    /// A ban outlives the process that earned it: the next one hears of it when it knocks.
    #[tokio::test]
    async fn a_door_that_is_closed_is_knocked_at_when_it_opens() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (_requests, queue) = flume::bounded(1);
        let (say, heard) = flume::unbounded();
        let running =
            tokio::spawn(Box::new(connector(&listener)).run(queue, Arc::new(move |said| say.send(said).unwrap())));
        let mut knocks = Vec::new();
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().await.unwrap();
            knocks.push(tokio::time::Instant::now());
            let mut asked = [0; 1_024];
            assert!(stream.read(&mut asked).await.unwrap() > 0);
            let answer = "HTTP/1.1 418 I'm a teapot\r\nRetry-After: 2\r\nContent-Length: 0\r\n\r\n";
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
        assert!(knocks[1] - knocks[0] >= Duration::from_secs(1), "{:?}", knocks[1] - knocks[0]);
        assert!(
            matches!(heard.recv_async().await.unwrap(), FromVenue::Note(note) if note.kind == NoteKind::RateLimited)
        );
        let FromVenue::Disconnected(why) = heard.recv_async().await.unwrap() else { panic!("it is not told") };
        assert!(why.contains("418"), "{why}");
        running.abort();
    }

    #[tokio::test]
    async fn an_order_goes_to_the_venue_and_a_lost_connection_is_made_again() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let connector = connector(&listener);
        let venue = tokio::spawn(venue(listener));
        let (requests, queue) = flume::unbounded();
        let (say, heard) = flume::unbounded();
        let running = tokio::spawn(Box::new(connector).run(queue, Arc::new(move |said| say.send(said).unwrap())));
        let mut said = Vec::new();
        while said.iter().filter(|s| *s == "connected").count() < 2 {
            let what = tokio::time::timeout(Duration::from_secs(20), heard.recv_async()).await.unwrap().unwrap();
            said.push(match what {
                FromVenue::Connected => "connected".to_owned(),
                FromVenue::Disconnected(_) => "disconnected".to_owned(),
                FromVenue::Reports(reports) => format!("{:?}", reports[0].kind),
                FromVenue::Account(_) => "account".to_owned(),
                FromVenue::Rules(_) => "rules".to_owned(),
                FromVenue::Note(note) => format!("{note:?}"),
            });
            if said == ["connected"] {
                let instrument = Instrument { exchange: Exchange::Binance, symbol: "BTCUSDT".parse().unwrap() };
                let order = OrderRequest::limit(instrument, Side::Buy, Quantity::ONE, "100".parse().unwrap());
                let client_order_id = "me-1-a".parse().unwrap();
                let order_id = OrderId::of_key("test".parse().unwrap(), "1");
                requests
                    .send(VenueRequest::Submit { client_order_id, order_id, request: Box::new(order), at: UtcNanos(0) })
                    .unwrap();
            }
        }
        assert_eq!(said, ["connected", "Submitted", "Accepted", "disconnected", "connected"]);
        drop(requests);
        running.await.unwrap();
        let subscribe = "userDataStream.subscribe.signature";
        assert_eq!(venue.await.unwrap(), ["time", subscribe, "order.place", "time", subscribe]);
    }
}
