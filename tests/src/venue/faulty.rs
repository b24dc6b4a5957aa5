//! A venue's protocol behind its faults, still without sockets: the server puts it behind a port, a simulation drives it in
//! virtual time.
//!
//! Invariant: frames of a link keep their order unless a fault says otherwise, as they do on a socket.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use messages::UtcNanos;
use serde_json::Value;

use super::face::{Answer, Asked, Face, Failure, Frame, Said};
use super::faults::{Fault, Faults};

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// It is answered after a time.
    Answer(Duration, Answer),
    /// The connection ends without an answer.
    Cut,
    /// Nothing comes, and the connection stays open.
    Silence,
}

/// What is done on a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// A frame is sent.
    Send(Frame),
    /// The connection is cut.
    Cut,
    /// Nothing is read or written any more.
    FallSilent,
}

/// A venue and its faults.
#[derive(Debug)]
pub struct Venue<F> {
    /// The protocol.
    pub face: F,
    /// What goes wrong.
    pub faults: Faults,
    /// So many nanoseconds the venue's clock is ahead.
    pub clock: i64,
    /// What was said and is not sent yet, by time and number.
    waiting: BTreeMap<(UtcNanos, u64), (u64, Act)>,
    numbered: u64,
    /// Until when frames of a link wait.
    busy: BTreeMap<u64, UtcNanos>,
    open: BTreeSet<u64>,
    silent: BTreeSet<u64>,
}

impl<F: Face> Venue<F> {
    /// A venue with these faults.
    pub const fn new(face: F, faults: Faults) -> Self {
        Self {
            face,
            faults,
            clock: 0,
            waiting: BTreeMap::new(),
            numbered: 0,
            busy: BTreeMap::new(),
            open: BTreeSet::new(),
            silent: BTreeSet::new(),
        }
    }

    /// The venue's own time.
    #[must_use]
    pub const fn time(&self, now: UtcNanos) -> UtcNanos {
        UtcNanos(now.0.saturating_add(self.clock))
    }

    /// A request by REST.
    pub fn asked(&mut self, asked: &Asked, now: UtcNanos) -> Reply {
        let fault = self.faults.at(&asked.point());
        let time = self.time(now);
        if let Some(failure) = fault.and_then(before) {
            return Reply::Answer(Duration::ZERO, self.face.fails(failure, time));
        }
        match fault {
            Some(Fault::Lose) => return Reply::Cut,
            Some(Fault::HalfOpen) => return Reply::Silence,
            _ => {}
        }
        let mut answer = self.face.asked(asked, time);
        match fault {
            Some(Fault::Delay(by) | Fault::Reorder(by)) => Reply::Answer(by, answer),
            Some(Fault::LoseAnswer | Fault::Disconnect) => Reply::Cut,
            Some(Fault::FailAfter(status)) => {
                Reply::Answer(Duration::ZERO, self.face.fails(Failure::Broken(status), time))
            }
            Some(Fault::Malformed) => {
                answer.body = half(&answer.body);
                Reply::Answer(Duration::ZERO, answer)
            }
            Some(Fault::Unknown) => {
                answer.body = never_seen(&answer.body);
                Reply::Answer(Duration::ZERO, answer)
            }
            _ => Reply::Answer(Duration::ZERO, answer),
        }
    }

    /// A client opens a link.
    ///
    /// # Errors
    /// What becomes of the request instead.
    pub fn opened(&mut self, link: u64, asked: &Asked, now: UtcNanos) -> Result<(), Reply> {
        let time = self.time(now);
        match self.faults.at("connect") {
            Some(Fault::HalfOpen) => return Err(Reply::Silence),
            Some(fault) => {
                return Err(
                    before(fault).map_or(Reply::Cut, |f| Reply::Answer(Duration::ZERO, self.face.fails(f, time)))
                );
            }
            None => {}
        }
        if self.face.opened(link, asked, time) {
            self.open.insert(link);
            return Ok(());
        }
        let headers = Vec::new();
        Err(Reply::Answer(Duration::ZERO, Answer { status: 404, headers, body: "no such stream".to_owned() }))
    }

    /// A client has sent a frame.
    pub fn heard(&mut self, link: u64, text: &str, now: UtcNanos) {
        if self.silent.contains(&link) {
            return;
        }
        let fault = self.faults.at(&self.face.point(text));
        let time = self.time(now);
        if let Some(failure) = fault.and_then(before) {
            if let Some(frame) = self.face.fails_frame(text, failure, time) {
                self.later(link, Act::Send(frame), now);
            }
            return;
        }
        match fault {
            Some(Fault::Lose) => return self.later(link, Act::Cut, now),
            Some(Fault::HalfOpen) => return self.fall_silent(link, now),
            _ => {}
        }
        self.collect(now);
        self.face.heard(link, text, time);
        match fault {
            Some(Fault::LoseAnswer | Fault::Disconnect) => {
                // What happened is told to others, but not on this link.
                let said = self.face.says(time);
                self.queue(said.into_iter().filter(|s| s.link != link).collect(), now);
                self.later(link, Act::Cut, now);
            }
            Some(Fault::FailAfter(status)) => {
                let said = self.face.says(time);
                self.queue(
                    said.into_iter().filter(|s| s.link != link || !s.point.starts_with("answer:")).collect(),
                    now,
                );
                if let Some(frame) = self.face.fails_frame(text, Failure::Broken(status), time) {
                    self.later(link, Act::Send(frame), now);
                }
            }
            Some(Fault::Delay(by) | Fault::Reorder(by)) => {
                self.busy.insert(link, now.after(by));
            }
            Some(Fault::Malformed | Fault::Unknown) => {
                let mut said = self.face.says(time);
                let change = if fault == Some(Fault::Malformed) { half } else { never_seen };
                for answer in said.iter_mut().filter(|s| s.link == link && s.point.starts_with("answer:")) {
                    answer.frame = changed(&answer.frame, change);
                }
                self.queue(said, now);
            }
            _ => {}
        }
    }

    /// The link is gone.
    pub fn closed(&mut self, link: u64) {
        self.face.closed(link);
        self.waiting.retain(|_, (whose, _)| *whose != link);
        self.busy.remove(&link);
        self.open.remove(&link);
        self.silent.remove(&link);
    }

    /// Cuts every link at once; what waited on it is not sent any more.
    pub fn cut(&mut self, now: UtcNanos) {
        self.waiting.clear();
        for link in self.open.clone() {
            self.put(now, link, Act::Cut);
        }
    }

    /// All that is to be done on links up to `now`, in order.
    pub fn acts(&mut self, now: UtcNanos, out: &mut Vec<(u64, Act)>) {
        self.collect(now);
        let later = self.waiting.split_off(&(UtcNanos(now.0.saturating_add(1)), 0));
        out.extend(std::mem::replace(&mut self.waiting, later).into_values());
    }

    /// When something is to be done next.
    #[must_use]
    pub fn next_due(&self) -> Option<UtcNanos> {
        self.waiting.keys().next().map(|(at, _)| *at)
    }

    fn collect(&mut self, now: UtcNanos) {
        let said = self.face.says(self.time(now));
        self.queue(said, now);
    }

    fn queue(&mut self, said: Vec<Said>, now: UtcNanos) {
        for Said { link, point, frame } in said {
            if self.silent.contains(&link) {
                continue;
            }
            match self.faults.at(&point) {
                None | Some(Fault::FailBefore(_) | Fault::FailAfter(_) | Fault::TooMany(_) | Fault::Banned(_)) => {
                    self.later(link, Act::Send(frame), now);
                }
                Some(Fault::Lose | Fault::LoseAnswer) => {}
                Some(Fault::Duplicate) => {
                    self.later(link, Act::Send(frame.clone()), now);
                    self.later(link, Act::Send(frame), now);
                }
                Some(Fault::Delay(by)) => {
                    let until = self.busy.get(&link).copied().unwrap_or(now).max(now.after(by));
                    self.busy.insert(link, until);
                    self.later(link, Act::Send(frame), now);
                }
                Some(Fault::Reorder(by)) => self.put(now.after(by), link, Act::Send(frame)),
                Some(Fault::Malformed) => self.later(link, Act::Send(changed(&frame, half)), now),
                Some(Fault::Unknown) => {
                    self.later(link, Act::Send(changed(&frame, never_seen)), now);
                    self.later(link, Act::Send(frame), now);
                }
                Some(Fault::Disconnect) => {
                    self.later(link, Act::Send(frame), now);
                    self.later(link, Act::Cut, now);
                }
                Some(Fault::HalfOpen) => self.fall_silent(link, now),
            }
        }
    }

    fn fall_silent(&mut self, link: u64, now: UtcNanos) {
        self.later(link, Act::FallSilent, now);
        self.silent.insert(link);
        self.face.closed(link);
    }

    /// After all that was said on the link.
    fn later(&mut self, link: u64, act: Act, now: UtcNanos) {
        let at = self.busy.get(&link).copied().unwrap_or(now).max(now);
        self.put(at, link, act);
    }

    fn put(&mut self, at: UtcNanos, link: u64, act: Act) {
        self.numbered += 1;
        self.waiting.insert((at, self.numbered), (link, act));
    }
}

/// The failure that a request meets before it is looked at.
const fn before(fault: Fault) -> Option<Failure> {
    match fault {
        Fault::FailBefore(status) => Some(Failure::Broken(status)),
        Fault::TooMany(seconds) => Some(Failure::TooMany(seconds)),
        Fault::Banned(seconds) => Some(Failure::Banned(seconds)),
        _ => None,
    }
}

fn changed(frame: &Frame, change: fn(&str) -> String) -> Frame {
    match frame {
        Frame::Text(text) => Frame::Text(change(text)),
        Frame::Binary(text) => Frame::Binary(change(text)),
        other => other.clone(),
    }
}

fn half(text: &str) -> String {
    text.chars().take(text.chars().count() / 2).collect()
}

/// The same message with a kind, or a field, that nobody knows.
fn never_seen(text: &str) -> String {
    let Ok(mut message) = serde_json::from_str::<Value>(text) else { return text.to_owned() };
    for (outer, name) in [("event", "e"), ("data", "event")] {
        if message[outer][name].is_string() {
            message[outer][name] = Value::from("never_seen_before");
            return message.to_string();
        }
    }
    if let Some(fields) = message.as_object_mut() {
        fields.insert("neverSeenBefore".to_owned(), Value::from("?"));
    }
    message.to_string()
}

#[cfg(test)]
mod tests;
