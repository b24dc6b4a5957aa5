//! A venue's server model behind a local socket: WebSockets and GETs on one port, on the wall clock.
//!
//! The model is asked what it says each millisecond or when it is due. A client that does not read makes its own frames
//! wait, as a socket does, and holds up nobody else.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures::{SinkExt, StreamExt};
use messages::UtcNanos;
use std::collections::BTreeMap;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response as Accepted};

use super::{Model, Response, Say};

/// How often the model is asked what it says.
const LOOK_EVERY: Duration = Duration::from_millis(1);
/// Longest head of a request, in bytes.
const HEAD_BYTES: usize = 16 << 10;

type Links = BTreeMap<u64, tokio::sync::mpsc::UnboundedSender<Say>>;

struct Shared<M> {
    model: M,
    links: Links,
    next_link: u64,
}

/// A server that runs until it is dropped.
pub struct Server<M> {
    shared: Arc<Mutex<Shared<M>>>,
    /// Where it listens.
    pub address: SocketAddr,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl<M> Drop for Server<M> {
    fn drop(&mut self) {
        self.tasks.iter().for_each(tokio::task::JoinHandle::abort);
    }
}

/// The wall clock, as the servers tell it.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "a server on a socket lives in real time")]
pub fn now() -> UtcNanos {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UtcNanos(messages::time::nanos(since_1970))
}

impl<M: Model + 'static> Server<M> {
    /// Listens on a port of 127.0.0.1; 0 for any that is free.
    ///
    /// # Panics
    /// When the port cannot be had.
    pub async fn start(model: M, port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("a port of 127.0.0.1");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Mutex::new(Shared { model, links: Links::new(), next_link: 1 }));
        let tasks = vec![tokio::spawn(accept(listener, shared.clone())), tokio::spawn(speak(shared.clone()))];
        Self { shared, address, tasks }
    }

    /// Looks at the model, or changes it.
    pub fn model<T>(&self, look: impl FnOnce(&mut M) -> T) -> T {
        look(&mut lock(&self.shared).model)
    }
}

fn lock<M>(shared: &Mutex<Shared<M>>) -> MutexGuard<'_, Shared<M>> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept<M: Model + 'static>(listener: TcpListener, shared: Arc<Mutex<Shared<M>>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        tokio::spawn(serve(stream, shared.clone()));
    }
}

/// Passes on what the model says.
async fn speak<M: Model>(shared: Arc<Mutex<Shared<M>>>) {
    let mut said = Vec::new();
    let mut looks = tokio::time::interval(LOOK_EVERY);
    loop {
        looks.tick().await;
        let mut shared = lock(&shared);
        shared.model.says(now(), &mut said);
        for (link, say) in said.drain(..) {
            if let Some(to) = shared.links.get(&link) {
                let _ = to.send(say);
            }
        }
    }
}

async fn serve<M: Model>(stream: TcpStream, shared: Arc<Mutex<Shared<M>>>) {
    let mut head = vec![0; HEAD_BYTES];
    // The head stays in the socket, for the WebSocket library to read it again.
    let Ok(read) = stream.peek(&mut head).await else { return };
    let text = String::from_utf8_lossy(&head[..read]).to_ascii_lowercase();
    if text.contains("upgrade: websocket") { websocket(stream, &shared).await } else { get(stream, &shared).await }
}

#[expect(clippy::result_large_err, reason = "the library's own signature")]
async fn websocket<M: Model>(stream: TcpStream, shared: &Mutex<Shared<M>>) {
    let mut opened = None;
    let look = |request: &Request, response: Accepted| -> Result<Accepted, ErrorResponse> {
        let path = request.uri().path_and_query().map_or("/", |p| p.as_str()).to_owned();
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        let headers = request.headers().iter().map(|(name, value)| (name.to_string(), text(value.as_bytes())));
        opened = Some((path, headers.collect::<Vec<_>>()));
        Ok(response)
    };
    let Ok(mut socket) = tokio_tungstenite::accept_hdr_async(stream, look).await else { return };
    let Some((path, headers)) = opened else { return };
    let (to, mut said) = tokio::sync::mpsc::unbounded_channel();
    let link = {
        let mut shared = lock(shared);
        let link = shared.next_link;
        shared.next_link += 1;
        shared.links.insert(link, to);
        shared.model.opened(link, &path, &headers, now());
        link
    };
    loop {
        tokio::select! {
            heard = socket.next() => match heard {
                Some(Ok(Message::Text(text))) => lock(shared).model.heard(link, &text, now()),
                Some(Ok(Message::Pong(payload))) => lock(shared).model.pong(link, &payload, now()),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => break,
            },
            say = said.recv() => {
                let sent = match say {
                    Some(Say::Text(text)) => socket.feed(Message::Text(text.into())).await,
                    Some(Say::Ping(payload)) => socket.feed(Message::Ping(payload.into())).await,
                    Some(Say::Close) | None => break,
                };
                // Sent together when nothing waits, as a busy server does.
                if sent.is_err() || (said.is_empty() && socket.flush().await.is_err()) {
                    break;
                }
            }
        }
    }
    let _ = tokio::time::timeout(Duration::from_secs(1), socket.close(None)).await;
    let mut shared = lock(shared);
    shared.links.remove(&link);
    shared.model.closed(link, now());
}

/// One GET, then the connection is closed.
async fn get<M: Model>(mut stream: TcpStream, shared: &Mutex<Shared<M>>) {
    let mut head = Vec::new();
    while !head.windows(4).any(|w| w == b"\r\n\r\n") && head.len() < HEAD_BYTES {
        let mut part = [0; 4_096];
        match stream.read(&mut part).await {
            Ok(read) if read > 0 => head.extend_from_slice(&part[..read]),
            _ => return,
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let mut lines = head.split("\r\n");
    let path = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap_or("/").to_owned();
    let headers: Vec<(String, String)> =
        lines.filter_map(|line| line.split_once(": ")).map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
    let Response { status, headers, body } = lock(shared).model.asked(&path, &headers, now());
    let extra: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let answer = format!(
        "HTTP/1.1 {status} .\r\nContent-Length: {}\r\nContent-Type: application/json\r\nConnection: close\r\n{extra}\r\n{body}",
        body.len()
    );
    let _ = stream.write_all(answer.as_bytes()).await;
}
