//! Between the session and the market's bounded queue: what does not fit waits in the backlog; when that is too much, or
//! the market journal has no room, the feed pauses, and goes on when all is handed over. A stop hands over the rest.
//!
//! Invariant: nothing overtakes the backlog.

use std::time::Duration;

use messages::market::FeedBatch;

use super::{Mailbox, Shell};
use crate::feeds::session::Pause;
use crate::market::FromFeed;

/// How often a backlog, or a journal without room, is looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

impl Shell {
    pub(super) fn hand_over(&mut self, frame: FeedBatch) {
        if !self.backlog.is_empty() {
            return self.backlog.push(frame);
        }
        self.lags.saw(self.received, self.a.clock.now());
        match self.a.market.try_send(FromFeed::Frame(frame)) {
            Ok(()) => self.a.signal.raise(),
            Err(flume::TrySendError::Full(FromFeed::Frame(frame))) => self.backlog.push(frame),
            // The market ends only with the runtime.
            Err(_) => {}
        }
    }

    /// Hands over what waits, pauses and goes on by what is left, and sets the timers.
    pub(super) fn look_ahead(&mut self) {
        if self.stopped {
            return;
        }
        self.hand_over_backlog();
        let overloaded = self.backlog.is_too_much() || self.a.room.is_full();
        if overloaded && !self.paused {
            self.paused = true;
            tracing::warn!(
                feed = self.a.feed.name,
                "the feed pauses: the market does not keep up, or its journal has no room"
            );
            self.say(|session, now, out| session.pause(Pause::Overload, now, out));
        } else if self.paused && self.backlog.is_empty() && !overloaded {
            self.paused = false;
            tracing::info!(feed = self.a.feed.name, "the feed goes on");
            self.say(|session, now, out| session.begin(now, out));
        }
        if (self.paused || !self.backlog.is_empty()) && !self.looking {
            self.looking = true;
            self.me.send_after(LOOK_AGAIN, || Mailbox::LookAgain);
        }
        self.timer.set(self.a.session.next_due(), &self.a.clock, &self.me, || Mailbox::Timer);
    }

    fn hand_over_backlog(&mut self) {
        let Self { backlog, a, lags, .. } = self;
        backlog.hand_over(|frame| {
            let received = frame.received;
            match a.market.try_send(FromFeed::Frame(frame)) {
                Err(flume::TrySendError::Full(FromFeed::Frame(frame))) => return Some(frame),
                _ => lags.saw(received, a.clock.now()),
            }
            a.signal.raise();
            None
        });
    }

    /// The last words: gaps that stay open, and all that waits.
    pub(super) async fn stop(&mut self) {
        self.take();
        self.stopped = true;
        self.say(|session, now, out| session.pause(Pause::Stop, now, out));
        self.links.clear();
        let mut waiting = Vec::new();
        self.backlog.hand_over(|frame| {
            waiting.push(frame);
            None
        });
        for frame in waiting {
            let _ = self.a.market.send_async(FromFeed::Frame(frame)).await;
            self.a.signal.raise();
        }
        if let Some(recorder) = self.a.recorder.take() {
            let _ = tokio::task::spawn_blocking(|| recorder.finish()).await;
        }
    }
}
