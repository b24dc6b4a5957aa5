//! One link: a task that opens a WebSocket, passes on what comes over it, and sends what it is told.
//!
//! Says everything into its owner's bounded queue, in the order in which it came; an owner that is slow makes the venue
//! wait. Pings of the venue are answered by the library with the same payload; ours keep idle links alive and show a
//! half-open one. The task ends when its link does, or when the owner drops its end of the outbox.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use messages::{UtcNanos, caps};
use tokio::net::TcpStream;
use tokio::time::MissedTickBehavior;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Bytes, Message};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, client_async_tls_with_config};

use crate::bulk::Signal;
use crate::clock::Clock;
use crate::wire::reach::Reach;

/// How often we ping. Binance counts pings among the five messages a second, and pings us every 20 s itself.
const PING_EVERY: Duration = Duration::from_secs(20);
/// The least time between two texts: Binance closes a link that says more than five things in a second, pings included. The
/// session keeps to it by its own clock, which stands still while frames wait.
const SEND_EVERY: Duration = Duration::from_millis(250);
/// Texts that may wait to be sent: subscriptions of all streams of a link, one message each.
const OUTBOX: usize = 2_048;

/// One connection. Numbers are given by who opens it and not used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Link(pub u32);

/// What a link says to who opened it.
#[derive(Debug)]
pub enum FromLink {
    /// It is open.
    Opened,
    /// A frame, when it was received.
    Frame(Bytes),
    /// The other side lives.
    Alive,
    /// It is closed, and why. Nothing follows.
    Closed(String),
}

/// What a link is opened with.
pub struct Opening {
    /// Its number.
    pub link: Link,
    /// `ws://…` or `wss://…`.
    pub url: String,
    /// Headers of the handshake.
    pub headers: Vec<(&'static str, String)>,
    /// The longest that opening may take.
    pub connect_timeout: Duration,
}

/// The owner's end that links write to.
#[derive(Clone)]
pub struct Mouth {
    /// What came over which link, and when.
    pub queue: flume::Sender<(Link, UtcNanos, FromLink)>,
    /// Raised behind it.
    pub signal: Signal,
    /// The time.
    pub clock: Clock,
}

impl Mouth {
    /// False when the owner is gone.
    async fn say(&self, link: Link, what: FromLink) -> bool {
        let message = (link, self.clock.now(), what);
        let full = match self.queue.try_send(message) {
            Ok(()) => None,
            Err(flume::TrySendError::Full(message)) => Some(message),
            Err(flume::TrySendError::Disconnected(_)) => return false,
        };
        self.signal.raise();
        match full {
            Some(message) => self.queue.send_async(message).await.is_ok(),
            None => true,
        }
    }
}

/// Opens a link on a task of its own. What is put into the outbox is sent; dropping it closes the link.
pub fn open(opening: Opening, reach: Reach, mouth: Mouth) -> flume::Sender<String> {
    let (outbox, texts) = flume::bounded(OUTBOX);
    tokio::spawn(async move {
        let link = opening.link;
        let why = match tokio::time::timeout(opening.connect_timeout, connect(&opening, &reach)).await {
            Ok(Ok(socket)) => run(link, socket, &texts, &mouth).await,
            Ok(Err(why)) => why,
            Err(_) => format!("not open after {}", crate::durations::format(opening.connect_timeout)),
        };
        // Nobody hears it where the owner has closed the link itself.
        let _ = mouth.say(link, FromLink::Closed(why)).await;
    });
    outbox
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn connect(opening: &Opening, reach: &Reach) -> Result<Socket, String> {
    let mut request = opening.url.as_str().into_client_request().map_err(|e| format!("`{}`: {e}", opening.url))?;
    for (name, value) in &opening.headers {
        let mut value = HeaderValue::from_str(value)
            .map_err(|_| format!("header {name}: the value has signs that none may have"))?;
        value.set_sensitive(true);
        request.headers_mut().insert(*name, value);
    }
    let stream = reach.connect(request.uri()).await?;
    let config =
        WebSocketConfig::default().max_message_size(Some(caps::FRAME_BYTES)).max_frame_size(Some(caps::FRAME_BYTES));
    let tls = Connector::Rustls(reach.tls.clone());
    let opened = client_async_tls_with_config(request, stream, Some(config), Some(tls)).await;
    opened.map(|(socket, _)| socket).map_err(|e| format!("the handshake failed: {e}"))
}

/// Until the link ends; returns why.
async fn run(link: Link, mut socket: Socket, texts: &flume::Receiver<String>, mouth: &Mouth) -> String {
    let mut pings = tokio::time::interval_at(tokio::time::Instant::now() + PING_EVERY, PING_EVERY);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    if !mouth.say(link, FromLink::Opened).await {
        return String::new();
    }
    let mut next_send = tokio::time::Instant::now();
    loop {
        let heard = tokio::select! {
            message = socket.next() => match message {
                Some(Ok(Message::Text(text))) => FromLink::Frame(text.into()),
                Some(Ok(Message::Binary(bytes))) => FromLink::Frame(bytes),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => FromLink::Alive,
                Some(Ok(Message::Close(frame))) => {
                    let said = frame.map_or_else(String::new, |f| format!(": {} {}", f.code, f.reason));
                    return format!("the venue closed the connection{said}");
                }
                Some(Ok(Message::Frame(_))) => continue,
                Some(Err(error)) => return error.to_string(),
                None => return "the venue closed the connection".to_owned(),
            },
            text = spaced(texts, next_send) => {
                next_send = tokio::time::Instant::now() + SEND_EVERY;
                let Ok(text) = text else {
                    // The owner wants it closed; whether the other side agrees matters to nobody.
                    let _ = tokio::time::timeout(Duration::from_secs(1), socket.close(None)).await;
                    return String::new();
                };
                if let Err(error) = socket.send(Message::Text(text.into())).await {
                    return error.to_string();
                }
                continue;
            }
            _ = pings.tick() => {
                if let Err(error) = socket.send(Message::Ping(Bytes::new())).await {
                    return error.to_string();
                }
                continue;
            }
        };
        if !mouth.say(link, heard).await {
            return String::new();
        }
    }
}

/// The next text, not before its time.
async fn spaced(texts: &flume::Receiver<String>, at: tokio::time::Instant) -> Result<String, flume::RecvError> {
    tokio::time::sleep_until(at).await;
    texts.recv_async().await
}
