//! What people are told of alerts, and when. Pure.
//!
//! Hears that an alert stands, that one is over, and that a message did not arrive; says messages. What people hear of one
//! subject of a rule is one story: it is opened, it is still open, it is over. The story ends only when nothing was opened
//! again for `window`, so that one that wavers makes no noise; the next one then begins at once.
//!
//! Invariant: within a story nothing is told twice in `repeat_after`, but what did not arrive; of all together no more
//! than `messages_per_hour` are told, of which a quarter is kept for what is critical. Ends need no room: each follows a
//! message that had it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use messages::alerts::{Alert, Rule, Severity};
use messages::{UtcNanos, caps};
use serde::Serialize;

use super::settings::AlertSettings;

/// In what time messages are bounded.
const HOUR: Duration = Duration::from_secs(3_600);

/// What happened to an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Happened {
    /// It was opened.
    Opened,
    /// It is open for so long that it is told again.
    StillOpen,
    /// It is over.
    Closed,
}

/// A message for people.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Message {
    /// What happened.
    pub event: Happened,
    /// All of it in one line.
    pub text: String,
    /// The alert.
    pub alert: Alert,
    /// Messages kept back since the last one, by the bound of an hour.
    pub held_back: u64,
}

/// How much people are told.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// How long the same is not told again.
    pub repeat_after: Duration,
    /// How long an alert has been over before that is told.
    pub window: Duration,
    /// The most messages of an hour, ends not counted.
    pub messages_per_hour: usize,
}

impl From<&AlertSettings> for Pace {
    fn from(settings: &AlertSettings) -> Self {
        let AlertSettings { repeat_after, window, messages_per_hour, .. } = *settings;
        Self { repeat_after, window, messages_per_hour: messages_per_hour as usize }
    }
}

impl Pace {
    /// How many messages of an hour this severity may find there and still be told.
    fn room(&self, severity: Severity) -> usize {
        let all = self.messages_per_hour;
        match severity {
            Severity::Critical => all,
            // Of one message nothing can be kept.
            Severity::Warning => (all - all.div_ceil(4)).max(1),
        }
    }
}

type Key = (Rule, String);

fn key(alert: &Alert) -> Key {
    (alert.alert_id.rule, alert.alert_id.subject.clone())
}

/// What people have heard of a subject.
struct Story {
    /// They know that it is not well, or soon will.
    is_known: bool,
    /// Until then it is not told again.
    quiet_until: UtcNanos,
    /// The alert that is over, and when that is told.
    over: Option<(Alert, UtcNanos)>,
}

/// What was told, and what waits.
pub struct Notices {
    pace: Pace,
    stories: BTreeMap<Key, Story>,
    /// Messages of the last hour, and of whom.
    hour: VecDeque<(UtcNanos, Key)>,
    /// Subjects whose message waits for room in the hour.
    held: BTreeSet<Key>,
    /// Kept back since the last message, and since the start.
    held_back: (u64, u64),
}

impl Notices {
    /// With the alerts of the last process. Whether their messages arrived nobody knows: they are due once more.
    pub fn new(pace: Pace, open: &[Alert]) -> Self {
        let due = |alert| (key(alert), Story { is_known: true, quiet_until: UtcNanos::MIN, over: None });
        let stories = open.iter().map(due).collect();
        Self { pace, stories, hour: VecDeque::new(), held: BTreeSet::new(), held_back: (0, 0) }
    }

    /// Messages that the bound of an hour has kept back since the start.
    pub fn held_back(&self) -> u64 {
        self.held_back.1
    }

    /// An alert stands: the message about that, where it is due and nobody has acknowledged the alert.
    pub fn stands(&mut self, alert: &Alert, now: UtcNanos) -> Option<Message> {
        if alert.acknowledged.is_some() {
            return None;
        }
        let key = key(alert);
        let mut event = Happened::Opened;
        if let Some(story) = self.stories.get_mut(&key) {
            // It is back before its end was told: to people it has never been over.
            story.over = None;
            if now < story.quiet_until {
                return None;
            }
            if story.is_known {
                event = Happened::StillOpen;
            }
        }
        if !self.has_room(alert.severity, now) {
            // It is tried again with the next reading, and counts once.
            if self.held.insert(key) {
                self.held_back = (self.held_back.0 + 1, self.held_back.1 + 1);
            }
            return None;
        }
        self.held.remove(&key);
        self.hour.push_back((now, key.clone()));
        let quiet_until = now.after(self.pace.repeat_after);
        self.stories.insert(key, Story { is_known: true, quiet_until, over: None });
        Some(self.message(event, alert.clone()))
    }

    /// An alert is over. Who was not told that it began is not told that it is over.
    pub fn ended(&mut self, alert: &Alert, now: UtcNanos) {
        let key = key(alert);
        self.held.remove(&key);
        match self.stories.get_mut(&key) {
            Some(story) if story.is_known => story.over = Some((alert.clone(), now.after(self.pace.window))),
            _ => drop(self.stories.remove(&key)),
        }
    }

    /// The ends that are to be told now.
    pub fn on_time(&mut self, now: UtcNanos) -> Vec<Message> {
        let is_due = |story: &mut Story| story.over.as_ref().is_some_and(|(_, due)| *due <= now);
        let due = self.stories.extract_if(.., |_, story| is_due(story));
        let over: Vec<Alert> = due.filter_map(|(_, story)| story.over).map(|(alert, _)| alert).collect();
        over.into_iter().map(|alert| self.message(Happened::Closed, alert)).collect()
    }

    /// A message did not arrive. Its room is free again, and what it said is said anew in a while, if it still holds.
    pub fn undelivered(&mut self, message: &Message, now: UtcNanos) {
        let key = key(&message.alert);
        let again = now.after(caps::ALERT_SAID_AGAIN);
        self.held_back.0 += message.held_back;
        if message.event == Happened::Closed {
            let over = Some((message.alert.clone(), again));
            self.stories.entry(key).or_insert(Story { is_known: true, quiet_until: again, over });
            return;
        }
        if let Some(at) = self.hour.iter().rposition(|(_, of)| *of == key) {
            self.hour.remove(at);
        }
        let Some(story) = self.stories.get_mut(&key) else { return };
        story.is_known &= message.event != Happened::Opened;
        story.quiet_until = story.quiet_until.min(again);
        if !story.is_known && story.over.is_some() {
            self.stories.remove(&key);
        }
    }

    fn has_room(&mut self, severity: Severity, now: UtcNanos) -> bool {
        while self.hour.front().is_some_and(|(at, _)| *at <= now.before(HOUR)) {
            self.hour.pop_front();
        }
        self.hour.len() < self.pace.room(severity)
    }

    fn message(&mut self, event: Happened, alert: Alert) -> Message {
        let how = match event {
            Happened::Opened => "",
            Happened::StillOpen => "still: ",
            Happened::Closed => "over: ",
        };
        let (text, held_back) = (format!("{how}{}", alert.text), std::mem::take(&mut self.held_back.0));
        Message { event, text, alert, held_back }
    }
}

#[cfg(test)]
mod tests;
