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

use super::key::ApiKey;
use super::session::{Effect, Session};
use super::settings::Parameters;
use crate::clock::Clock;
use crate::venues::{Connector, FromVenue, Say};
use crate::wire::reach::Reach;

/// The longest that a message may take to be written, and a connection to be closed.
const WRITES_WITHIN: Duration = Duration::from_secs(5);

type Socket = Box<WebSocketStream<MaybeTlsStream<TcpStream>>>;
type Opening = Pin<Box<dyn Future<Output = Result<Socket, String>> + Send>>;

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
    Opened(Result<Socket, String>),
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
                Input::Opened(Err(why)) => self.lost(&why, now, &mut out),
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

async fn finished(opening: &mut Option<Opening>) -> Result<Socket, String> {
    match opening {
        Some(opening) => opening.await,
        None => std::future::pending().await,
    }
}

async fn connect(url: String, reach: Reach) -> Result<Socket, String> {
    let request = url.as_str().into_client_request().map_err(|e| format!("`{url}`: {e}"))?;
    let stream = reach.connect(request.uri()).await?;
    let config =
        WebSocketConfig::default().max_message_size(Some(caps::FRAME_BYTES)).max_frame_size(Some(caps::FRAME_BYTES));
    let tls = Tls::Rustls(reach.tls.clone());
    let opened = client_async_tls_with_config(request, stream, Some(config), Some(tls)).await;
    opened.map(|(socket, _)| Box::new(socket)).map_err(|e| format!("the handshake failed: {e}"))
}

#[cfg(test)]
mod tests {
    use messages::orders::{OrderRequest, Side};
    use messages::{Exchange, Instrument, OrderId, Quantity};
    use serde_json::{Value, json};
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

    #[tokio::test]
    async fn an_order_goes_to_the_venue_and_a_lost_connection_is_made_again() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let parameters: Parameters = toml::from_str(&format!(
            "profile = \"test\"\naccount = \"binance-test\"\nurl = \"ws://{}\"",
            listener.local_addr().unwrap()
        ))
        .unwrap();
        let venue = tokio::spawn(venue(listener));
        let key = Arc::new(ApiKey::new("public", "hush").unwrap());
        let reach = Reach::from_environment(Duration::from_secs(5)).unwrap();
        let connector = BinanceConnector::new(&parameters, key, reach, Clock::wall()).unwrap();
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
