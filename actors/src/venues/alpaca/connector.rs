//! The connector: the session with a socket, an HTTP client and a clock. It decides nothing.
//!
//! Hears the gateway's requests, frames, answers and its timer, asks the session, and does what it says in order.

use std::pin::Pin;
use std::time::Duration;

use messages::UtcNanos;
use messages::venues::{VenueReport, VenueRequest};

use super::call::Call;
use super::http::{self, Response};
use super::session::{CallId, Do, Heard, Session};
use super::settings::Parameters;
use super::stream;
use crate::bulk::Signal;
use crate::clock::Clock;
use crate::venues::{Connector, FromVenue, Say};
use crate::wire::Link;
use crate::wire::alpaca::Keys;
use crate::wire::reach::Reach;
use crate::wire::socket::{self, FromLink, Mouth, Opening};

/// Frames that may wait before the venue is made to wait.
const FRAMES: usize = 1_024;
/// The session gives up a connection that does not open before this.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// A timer is set for no longer.
const LONGEST_SLEEP: Duration = Duration::from_secs(3_600);

/// Speaks to Alpaca.
pub struct AlpacaConnector {
    parameters: Parameters,
    keys: Keys,
    reach: Reach,
    clock: Clock,
    seed: u64,
}

impl AlpacaConnector {
    /// With the account's keys and the ways out of this machine; waits are jittered by the run's seed.
    ///
    /// # Errors
    /// The parameters contradict themselves.
    pub fn new(parameters: Parameters, keys: Keys, reach: Reach, clock: Clock, seed: u64) -> Result<Self, String> {
        parameters.place()?;
        Ok(Self { parameters, keys, reach, clock, seed })
    }
}

impl Connector for AlpacaConnector {
    fn run(
        self: Box<Self>,
        requests: flume::Receiver<VenueRequest>,
        say: Say,
    ) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move { Shell::new(*self, say).run(requests).await })
    }
}

type Answered = (CallId, Result<Response, String>);

struct Shell {
    c: AlpacaConnector,
    session: Session,
    say: Say,
    mouth: Mouth,
    heard: flume::Receiver<(Link, UtcNanos, FromLink)>,
    /// The running connection; dropping its outbox closes it.
    link: Option<(Link, flume::Sender<String>)>,
    links: u32,
    answers: (flume::Sender<Answered>, flume::Receiver<Answered>),
    out: Vec<Do>,
}

impl Shell {
    fn new(c: AlpacaConnector, say: Say) -> Self {
        let (queue, heard) = flume::bounded(FRAMES);
        // Frames are awaited, so nobody needs to be woken.
        let mouth = Mouth { queue, signal: Signal::new(|| {}), clock: c.clock.clone() };
        let session = Session::new(c.parameters.session(c.seed));
        let answers = flume::unbounded();
        Self { c, session, say, mouth, heard, link: None, links: 0, answers, out: Vec::new() }
    }

    async fn run(mut self, requests: flume::Receiver<VenueRequest>) {
        loop {
            let now = self.c.clock.now();
            let wait = self.c.clock.until(self.session.next_due(now)).min(LONGEST_SLEEP);
            tokio::select! {
                heard = self.heard.recv_async() => {
                    // Its other end is held here.
                    let Ok((link, received, heard)) = heard else { return };
                    self.on_link(link, received, &heard);
                }
                answered = self.answers.1.recv_async() => {
                    let Ok((id, answer)) = answered else { return };
                    let answer = answer.as_ref().map(Response::answer).map_err(String::as_str);
                    self.hear(Heard::Answered(id, answer), self.c.clock.now());
                }
                request = requests.recv_async() => {
                    // The gateway wants it ended.
                    let Ok(request) = request else { return };
                    self.hear(Heard::Request(&request), self.c.clock.now());
                }
                () = tokio::time::sleep(wait) => self.hear(Heard::Timer, self.c.clock.now()),
            }
        }
    }

    fn on_link(&mut self, link: Link, received: UtcNanos, heard: &FromLink) {
        // Of a connection that the session has closed.
        if self.link.as_ref().is_none_or(|(current, _)| *current != link) {
            return;
        }
        match heard {
            FromLink::Opened => self.hear(Heard::Opened, received),
            FromLink::Alive => self.hear(Heard::Alive, received),
            FromLink::Frame(frame) => self.hear(Heard::Frame(frame), received),
            FromLink::Closed(why) => {
                self.link = None;
                self.hear(Heard::Closed(why), received);
            }
        }
    }

    fn hear(&mut self, heard: Heard<'_>, now: UtcNanos) {
        let mut out = std::mem::take(&mut self.out);
        self.session.hear(heard, now, &mut out);
        let mut reports: Vec<VenueReport> = Vec::new();
        for one in out.drain(..) {
            match one {
                Do::Report(report) => reports.push(report),
                other => {
                    self.report(&mut reports);
                    self.perform(other);
                }
            }
        }
        self.report(&mut reports);
        self.out = out;
    }

    fn report(&self, reports: &mut Vec<VenueReport>) {
        if !reports.is_empty() {
            (self.say)(FromVenue::Reports(std::mem::take(reports)));
        }
    }

    fn perform(&mut self, what: Do) {
        match what {
            Do::Open => self.open(),
            Do::Close => self.link = None,
            Do::Authenticate => self.send(stream::authentication(&self.c.keys)),
            Do::Listen => self.send(stream::LISTEN.to_owned()),
            Do::Call(id, call) => self.call(id, call),
            Do::Connected => (self.say)(FromVenue::Connected),
            Do::Disconnected(why) => (self.say)(FromVenue::Disconnected(why)),
            Do::Account(snapshot) => (self.say)(FromVenue::Account(snapshot)),
            Do::Rules(told) => (self.say)(FromVenue::Rules(told)),
            Do::Report(report) => (self.say)(FromVenue::Reports(vec![report])),
            Do::Tell(note) => (self.say)(FromVenue::Note(note.for_people())),
        }
    }

    fn open(&mut self) {
        self.links += 1;
        let link = Link(self.links);
        let url = self.c.parameters.stream_address().to_owned();
        // The keys are said over the connection.
        let opening = Opening { link, url, headers: Vec::new(), connect_timeout: CONNECT_TIMEOUT };
        self.link = Some((link, socket::open(opening, self.c.reach.clone(), self.mouth.clone())));
    }

    fn send(&self, text: String) {
        if let Some((_, outbox)) = &self.link {
            // A connection that takes nothing more is closed, and says so.
            let _ = outbox.try_send(text);
        }
    }

    fn call(&self, id: CallId, call: Call) {
        let (client, keys) = (self.c.reach.client.clone(), self.c.keys.clone());
        let address = self.c.parameters.trading_address().to_owned();
        let answers = self.answers.0.clone();
        tokio::spawn(async move {
            let answer = http::make(&client, &address, &keys, &call).await;
            // Nobody hears it when the connector has ended.
            let _ = answers.send((id, answer));
        });
    }
}

#[cfg(test)]
mod tests;
