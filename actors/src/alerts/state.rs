//! The pure state of the alerts actor: which alerts are open.
//!
//! Hears samples, the time, who has seen an alert, and which message did not arrive; says records for the ledger and messages
//! for people. An alert is opened when its limit is reached for as long as its rule says, and closed when the reading is on
//! the far side of `clear` for as long again. What people are told of it, `notices` knows.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use messages::alerts::{Acknowledgement, Alert, AlertId, NoSuchAlert, Rule};
use messages::ledger::Action;
use messages::telemetry::Metric;
use messages::{UtcNanos, caps};

use super::notices::{Message, Notices, Pace};
use super::rules::{self, Reader, Reading};
use super::settings::AlertSettings;
use super::subjects::Subjects;

/// Samples that may be missing before it is blind.
const MISSED: u32 = 3;

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Write it to the ledger.
    Record(Action),
    /// Tell people.
    Tell(Box<Message>),
}

type Key = (Rule, String);

/// One subject of a rule that is not well.
#[derive(Debug, Clone)]
struct Trouble {
    /// Since when the reading is on the side to which the alert would change.
    turning: Option<UtcNanos>,
    /// The alert, once it is open.
    alert: Option<Alert>,
}

/// The state.
pub struct Alerts {
    settings: AlertSettings,
    reader: Reader,
    troubles: BTreeMap<Key, Trouble>,
    /// Alerts that are over, the newest last.
    over: VecDeque<Alert>,
    notices: Notices,
    /// How long no sample may come.
    blind_after: Duration,
    sampled: UtcNanos,
}

impl Alerts {
    /// With the alerts that were open when the last process ended, and samples expected each `sampled_every`.
    #[must_use]
    pub fn new(settings: AlertSettings, sampled_every: Duration, open: Vec<Alert>, now: UtcNanos) -> Self {
        let notices = Notices::new(Pace::from(&settings), &open);
        let trouble = |alert: Alert| {
            let key = (alert.alert_id.rule, alert.alert_id.subject.clone());
            (key, Trouble { turning: None, alert: Some(alert) })
        };
        let troubles = open.into_iter().map(trouble).collect();
        let (reader, blind_after) = (Reader::new(settings.window), sampled_every * MISSED);
        Self { settings, reader, troubles, over: VecDeque::new(), notices, blind_after, sampled: now }
    }

    /// Ends what no reading will end: the rule is off, or what the alert was about is no more.
    pub fn retire(&mut self, subjects: &Subjects, now: UtcNanos, out: &mut Vec<Effect>) {
        let open: Vec<Alert> = self.open().cloned().collect();
        for alert in open {
            let (rule, subject) = (alert.alert_id.rule, alert.alert_id.subject.clone());
            if self.settings.rules.of(rule).limit == 0 {
                self.end((rule, subject), alert, "its rule is switched off", now, out);
            } else if !subjects.has(&alert.alert_id) {
                let why = format!("there is no `{subject}` any more");
                self.end((rule, subject), alert, &why, now, out);
            }
        }
    }

    /// Hears a sample.
    pub fn on_sample(&mut self, sample: &[Metric], now: UtcNanos, out: &mut Vec<Effect>) {
        self.sampled = now;
        for reading in self.reader.read(sample, now) {
            self.judge(&reading, now, out);
        }
        self.on_time(now, out);
    }

    /// Looks whether samples still come, and which ends are to be told.
    pub fn on_time(&mut self, now: UtcNanos, out: &mut Vec<Effect>) {
        let value = now.since(self.sampled).max(0) as f64 / 1e9;
        self.judge(&Reading { rule: Rule::DeadMan, subject: "sampler".to_owned(), value }, now, out);
        out.extend(self.notices.on_time(now).into_iter().map(tell));
    }

    /// A message did not arrive.
    pub fn undelivered(&mut self, message: &Message, now: UtcNanos) {
        self.notices.undelivered(message, now);
    }

    /// A person has seen an alert: it stays open, and is not told again.
    ///
    /// # Errors
    /// It is not open.
    pub fn acknowledge(
        &mut self,
        alert_id: &str,
        seen: Acknowledgement,
        out: &mut Vec<Effect>,
    ) -> Result<Alert, NoSuchAlert> {
        let open = self.troubles.values_mut().filter_map(|trouble| trouble.alert.as_mut());
        let found = open.into_iter().find(|alert| alert.alert_id.to_string() == alert_id);
        let alert = found.ok_or_else(|| NoSuchAlert { alert_id: alert_id.to_owned() })?;
        out.push(record("alert.acknowledged", &seen.by, &alert.alert_id, &seen.why, seen.at));
        alert.acknowledged = Some(seen);
        Ok(alert.clone())
    }

    /// Those that are open, and those that were of late, the newest first.
    #[must_use]
    pub fn list(&self) -> Vec<Alert> {
        let mut all: Vec<Alert> = self.open().cloned().collect();
        all.sort_by_key(|alert| std::cmp::Reverse(alert.opened_at));
        all.extend(self.over.iter().rev().cloned());
        all
    }

    /// Those that are open.
    pub fn open(&self) -> impl Iterator<Item = &Alert> {
        self.troubles.values().filter_map(|trouble| trouble.alert.as_ref())
    }

    /// Messages that the bound of an hour has kept back since the start.
    #[must_use]
    pub fn held_back(&self) -> u64 {
        self.notices.held_back()
    }

    /// True while no sample comes: who watches us from outside is then to be worried, whatever the rules say.
    #[must_use]
    pub fn is_blind(&self, now: UtcNanos) -> bool {
        now >= self.sampled.after(self.blind_after)
    }

    fn judge(&mut self, reading: &Reading, now: UtcNanos, out: &mut Vec<Effect>) {
        let bounds = self.settings.rules.of(reading.rule);
        if bounds.limit == 0 {
            return;
        }
        let (limit, clear, lasts) = (bounds.limit as f64, bounds.clear as f64, bounds.lasts);
        let floor = rules::is_floor(reading.rule);
        let is_wrong = if floor { reading.value <= limit } else { reading.value >= limit };
        let is_well = if floor { reading.value > clear } else { reading.value < clear.max(f64::MIN_POSITIVE) };
        let key = (reading.rule, reading.subject.clone());
        let trouble = self.troubles.entry(key.clone()).or_insert(Trouble { turning: None, alert: None });
        let turns = if trouble.alert.is_some() { is_well } else { is_wrong };
        if !turns {
            trouble.turning = None;
            if trouble.alert.is_none() {
                self.troubles.remove(&key);
            } else {
                self.remind(&key, reading, now, out);
            }
            return;
        }
        let since = *trouble.turning.get_or_insert(now);
        if now < since.after(lasts) {
            return;
        }
        trouble.turning = None;
        match trouble.alert.take() {
            None => self.begin(key, reading, now, out),
            Some(alert) => self.end(key, alert, "", now, out),
        }
    }

    fn begin(&mut self, key: Key, reading: &Reading, now: UtcNanos, out: &mut Vec<Effect>) {
        let text = rules::words(reading.rule, &reading.subject, reading.value, self.settings.rules.of(reading.rule));
        let alert = Alert {
            alert_id: AlertId { rule: reading.rule, subject: reading.subject.clone(), since: now.secs() },
            severity: reading.rule.severity(),
            text,
            opened_at: now,
            closed_at: None,
            acknowledged: None,
        };
        out.push(record("alert.opened", BY, &alert.alert_id, &alert.text, now));
        out.extend(self.notices.stands(&alert, now).map(tell));
        self.troubles.insert(key, Trouble { turning: None, alert: Some(alert) });
    }

    fn end(&mut self, key: Key, alert: Alert, why: &str, now: UtcNanos, out: &mut Vec<Effect>) {
        self.troubles.remove(&key);
        let alert = Alert { closed_at: Some(now), ..alert };
        out.push(record("alert.closed", BY, &alert.alert_id, why, now));
        self.notices.ended(&alert, now);
        self.over.push_back(alert);
        if self.over.len() > caps::ALERTS_KEPT {
            self.over.pop_front();
        }
    }

    /// Says what is wrong now, and tells it again where that is due.
    fn remind(&mut self, key: &Key, reading: &Reading, now: UtcNanos, out: &mut Vec<Effect>) {
        let bounds = self.settings.rules.of(reading.rule);
        let Some(alert) = self.troubles.get_mut(key).and_then(|trouble| trouble.alert.as_mut()) else { return };
        alert.text = rules::words(reading.rule, &reading.subject, reading.value, bounds);
        out.extend(self.notices.stands(alert, now).map(tell));
    }
}

fn tell(message: Message) -> Effect {
    Effect::Tell(Box::new(message))
}

/// Who opens and closes.
const BY: &str = "merganser";

fn record(what: &str, by: &str, alert: &AlertId, why: &str, at: UtcNanos) -> Effect {
    let (by, what, subject, why) = (by.to_owned(), what.to_owned(), alert.to_string(), why.to_owned());
    Effect::Record(Action { by, what, subject, why, at })
}

#[cfg(test)]
mod tests;
