//! A venue behind a port of loopback, on the wall clock: REST and WebSockets on the same port, by hyper.
//!
//! It only carries: what is answered, lost, late or wrong was decided by [`super::faulty::Venue`].

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONNECTION, CONTENT_TYPE, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::face::{Answer, Asked, Face, Frame};
use super::faulty::{Act, Reply, Venue};
use crate::feeds::serve::now;

/// How often the venue is asked what is due.
const LOOK_EVERY: Duration = Duration::from_millis(1);
/// How long a link may take to close.
const CLOSE_WITHIN: Duration = Duration::from_secs(1);

struct Shared<F> {
    venue: Venue<F>,
    links: BTreeMap<u64, UnboundedSender<Act>>,
    next_link: u64,
}

/// A server that runs until it is dropped.
pub struct VenueServer<F> {
    shared: Arc<Mutex<Shared<F>>>,
    /// Where it listens.
    pub address: SocketAddr,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl<F> Drop for VenueServer<F> {
    fn drop(&mut self) {
        self.tasks.iter().for_each(tokio::task::JoinHandle::abort);
    }
}

impl<F: Face + 'static> VenueServer<F> {
    /// Listens on a port of 127.0.0.1; 0 for any that is free.
    ///
    /// # Panics
    /// When the port cannot be had.
    pub async fn start(venue: Venue<F>, port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("a port of 127.0.0.1");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Mutex::new(Shared { venue, links: BTreeMap::new(), next_link: 1 }));
        let tasks = vec![tokio::spawn(accept(listener, shared.clone())), tokio::spawn(look(shared.clone()))];
        Self { shared, address, tasks }
    }

    /// Looks at the venue, or changes it: what that leads to is said at once.
    pub fn venue<T>(&self, look: impl FnOnce(&mut Venue<F>) -> T) -> T {
        let mut shared = lock(&self.shared);
        let seen = look(&mut shared.venue);
        pass_on(&mut shared);
        seen
    }
}

fn lock<F>(shared: &Mutex<Shared<F>>) -> MutexGuard<'_, Shared<F>> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn pass_on<F: Face>(shared: &mut Shared<F>) {
    let mut acts = Vec::new();
    shared.venue.acts(now(), &mut acts);
    for (link, act) in acts {
        if let Some(to) = shared.links.get(&link) {
            // A link that has just ended hears nothing more.
            let _ = to.send(act);
        }
    }
}

async fn look<F: Face>(shared: Arc<Mutex<Shared<F>>>) {
    let mut looks = tokio::time::interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        pass_on(&mut lock(&shared));
    }
}

async fn accept<F: Face + 'static>(listener: TcpListener, shared: Arc<Mutex<Shared<F>>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        tokio::spawn(connection(stream, shared.clone()));
    }
}

async fn connection<F: Face + 'static>(stream: TcpStream, shared: Arc<Mutex<Shared<F>>>) {
    let service = hyper::service::service_fn(move |request| answer(request, shared.clone()));
    let serving = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    // A client that goes away, and an answer that is lost on purpose, end the connection here.
    let _ = serving.with_upgrades().await;
}

/// The connection ends without an answer.
#[derive(Debug)]
struct CutOff;

impl std::fmt::Display for CutOff {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the answer is lost on purpose")
    }
}

impl std::error::Error for CutOff {}

type Answered = Result<Response<Full<Bytes>>, CutOff>;

async fn answer<F: Face + 'static>(mut request: Request<Incoming>, shared: Arc<Mutex<Shared<F>>>) -> Answered {
    let upgrades = request.headers().get(UPGRADE).is_some_and(|v| v.as_bytes().eq_ignore_ascii_case(b"websocket"));
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let headers = request.headers().iter().map(|(name, value)| (name.to_string(), text(value.as_bytes()))).collect();
    let mut asked = Asked {
        method: request.method().to_string(),
        path: request.uri().path().to_owned(),
        query: request.uri().query().unwrap_or_default().to_owned(),
        headers,
        body: String::new(),
    };
    if upgrades {
        return upgrade(request, &asked, shared).await;
    }
    let body = request.body_mut().collect().await.map_err(|_| CutOff)?;
    asked.body = text(&body.to_bytes());
    let reply = {
        let mut shared = lock(&shared);
        let reply = shared.venue.asked(&asked, now());
        pass_on(&mut shared);
        reply
    };
    carry(reply).await
}

async fn carry(reply: Reply) -> Answered {
    let Answer { status, headers, body } = match reply {
        Reply::Answer(after, answer) => {
            tokio::time::sleep(after).await;
            answer
        }
        Reply::Cut => return Err(CutOff),
        Reply::Silence => {
            let never: Infallible = std::future::pending().await;
            match never {}
        }
    };
    let mut response = Response::builder().status(status).header(CONTENT_TYPE, "application/json");
    for (name, value) in headers {
        response = response.header(name, value);
    }
    response.body(Full::from(body)).map_err(|_| CutOff)
}

async fn upgrade<F: Face + 'static>(
    request: Request<Incoming>,
    asked: &Asked,
    shared: Arc<Mutex<Shared<F>>>,
) -> Answered {
    let Some(key) = request.headers().get(SEC_WEBSOCKET_KEY).map(|key| derive_accept_key(key.as_bytes())) else {
        return carry(Reply::Answer(Duration::ZERO, Answer { status: 400, headers: Vec::new(), body: String::new() }))
            .await;
    };
    let (to, said) = unbounded_channel();
    let opened = {
        let mut shared = lock(&shared);
        let link = shared.next_link;
        shared.next_link += 1;
        shared.venue.opened(link, asked, now()).map(|()| {
            shared.links.insert(link, to);
            link
        })
    };
    let link = match opened {
        Ok(link) => link,
        Err(reply) => return carry(reply).await,
    };
    tokio::spawn(async move {
        if let Ok(stream) = hyper::upgrade::on(request).await {
            let socket = WebSocketStream::from_raw_socket(TokioIo::new(stream), Role::Server, None).await;
            carry_frames(socket, link, said, &shared).await;
        }
        let mut shared = lock(&shared);
        shared.links.remove(&link);
        shared.venue.closed(link);
    });
    let response = Response::builder().status(StatusCode::SWITCHING_PROTOCOLS);
    let response =
        response.header(UPGRADE, "websocket").header(CONNECTION, "Upgrade").header(SEC_WEBSOCKET_ACCEPT, key);
    response.body(Full::default()).map_err(|_| CutOff)
}

type Socket = WebSocketStream<TokioIo<hyper::upgrade::Upgraded>>;

async fn carry_frames<F: Face>(
    mut socket: Socket,
    link: u64,
    mut said: UnboundedReceiver<Act>,
    shared: &Mutex<Shared<F>>,
) {
    loop {
        tokio::select! {
            heard = socket.next() => {
                let text = match heard {
                    Some(Ok(Message::Text(text))) => text.to_string(),
                    Some(Ok(Message::Binary(bytes))) => String::from_utf8_lossy(&bytes).into_owned(),
                    Some(Ok(_)) => continue,
                    Some(Err(_)) | None => return,
                };
                let mut shared = lock(shared);
                shared.venue.heard(link, &text, now());
                pass_on(&mut shared);
            }
            act = said.recv() => {
                let message = match act {
                    Some(Act::Send(Frame::Text(text))) => Message::Text(text.into()),
                    Some(Act::Send(Frame::Binary(text))) => Message::Binary(text.into_bytes().into()),
                    Some(Act::Send(Frame::Ping(payload))) => Message::Ping(payload.into_bytes().into()),
                    Some(Act::Send(Frame::Close)) => {
                        let _ = tokio::time::timeout(CLOSE_WITHIN, socket.close(None)).await;
                        return;
                    }
                    Some(Act::Cut) | None => return,
                    // The socket stays open, and nobody is there, until it is cut.
                    Some(Act::FallSilent) => {
                        while said.recv().await.is_some_and(|act| act != Act::Cut) {}
                        return;
                    }
                };
                if socket.send(message).await.is_err() {
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
