//! The pure state of the alerts actor: which alerts are open, and what is to be told of them.
//!
//! Hears samples, the time, and who has seen an alert; says records for the ledger and messages for people. An alert is
//! opened when its limit is reached for as long as its rule says, and closed when the reading is on the far side of
//! `clear` for as long again, so that one that wavers makes no noise. However it wavers: of one subject and rule no
//! opening is told twice within `repeat_after`, and of all together no more than `messages_per_hour` are.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use messages::alerts::{Acknowledgement, Alert, AlertId, NoSuchAlert, Rule};
use messages::ledger::Action;
use messages::telemetry::Metric;
use messages::{UtcNanos, caps};
use serde::Serialize;

use super::rules::{self, Reader, Reading};
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
    /// When the last message about a subject that was not one of its end was let out.
    told: BTreeMap<Key, UtcNanos>,
    /// Messages of the last hour.
    hour: VecDeque<UtcNanos>,
    /// Subjects whose message waits for room in the hour.
    held: BTreeSet<Key>,
    /// Kept back since the last message, and since the start.
    held_back: (u64, u64),
    sampled: UtcNanos,
}

impl Alerts {
    /// With the alerts that were open when the last process ended. Nobody is told of these again before `repeat_after`.
    #[must_use]
    pub fn new(settings: AlertSettings, open: Vec<Alert>, now: UtcNanos) -> Self {
        let key = |alert: &Alert| (alert.alert_id.rule, alert.alert_id.subject.clone());
        let told = open.iter().map(|alert| (key(alert), now)).collect();
        let troubles =
            open.into_iter().map(|alert| (key(&alert), Trouble { turning: None, alert: Some(alert) })).collect();
        let reader = Reader::new(settings.window);
        let (over, hour, held) = (VecDeque::new(), VecDeque::new(), BTreeSet::new());
        Self { settings, reader, troubles, over, told, hour, held, held_back: (0, 0), sampled: now }
    }

    /// Hears a sample.
    pub fn on_sample(&mut self, sample: &[Metric], now: UtcNanos, out: &mut Vec<Effect>) {
        self.sampled = now;
        for reading in self.reader.read(sample, now) {
            self.judge(&reading, now, out);
        }
        self.on_time(now, out);
    }

    /// Looks whether samples still come.
    pub fn on_time(&mut self, now: UtcNanos, out: &mut Vec<Effect>) {
        let value = now.since(self.sampled).max(0) as f64 / 1e9;
        self.judge(&Reading { rule: Rule::DeadMan, subject: "sampler".to_owned(), value }, now, out);
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
        self.held_back.1
    }

    /// True while no sample comes: who watches us from outside is then to be worried.
    #[must_use]
    pub fn is_blind(&self) -> bool {
        self.open().any(|alert| alert.alert_id.rule == Rule::DeadMan && alert.alert_id.subject == "sampler")
    }

    fn judge(&mut self, reading: &Reading, now: UtcNanos, out: &mut Vec<Effect>) {
        let bounds = self.settings.rules.of(reading.rule);
        let (limit, clear, lasts) = (bounds.limit as f64, bounds.clear as f64, bounds.lasts);
        let floor = rules::is_floor(reading.rule);
        let is_wrong = limit > 0.0 && if floor { reading.value <= limit } else { reading.value >= limit };
        let is_well =
            limit <= 0.0 || if floor { reading.value > clear } else { reading.value < clear.max(f64::MIN_POSITIVE) };
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
            Some(alert) => self.end(key, alert, now, out),
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
        if self.may_tell(&key, now) {
            self.tell(Happened::Opened, &key, &alert, now, out);
        }
        self.troubles.insert(key, Trouble { turning: None, alert: Some(alert) });
    }

    fn end(&mut self, key: Key, alert: Alert, now: UtcNanos, out: &mut Vec<Effect>) {
        self.troubles.remove(&key);
        let alert = Alert { closed_at: Some(now), ..alert };
        out.push(record("alert.closed", BY, &alert.alert_id, "", now));
        self.held.remove(&key);
        // Who was not told that it began is not told that it is over.
        if self.told.get(&key).is_some_and(|told| *told >= alert.opened_at) {
            self.tell(Happened::Closed, &key, &alert, now, out);
        }
        self.over.push_back(alert);
        if self.over.len() > caps::ALERTS_KEPT {
            self.over.pop_front();
        }
    }

    /// Tells again what is open for long and what nobody has seen.
    fn remind(&mut self, key: &Key, reading: &Reading, now: UtcNanos, out: &mut Vec<Effect>) {
        let bounds = self.settings.rules.of(reading.rule);
        let Some(alert) = self.troubles.get_mut(key).and_then(|trouble| trouble.alert.as_mut()) else { return };
        alert.text = rules::words(reading.rule, &reading.subject, reading.value, bounds);
        let alert = alert.clone();
        if alert.acknowledged.is_none() && self.may_tell(key, now) {
            let was_told = self.told.get(key).is_some_and(|told| *told >= alert.opened_at);
            let event = if was_told { Happened::StillOpen } else { Happened::Opened };
            self.tell(event, key, &alert, now, out);
        }
    }

    fn may_tell(&self, key: &Key, now: UtcNanos) -> bool {
        self.told.get(key).is_none_or(|told| now >= told.after(self.settings.repeat_after))
    }

    fn tell(&mut self, event: Happened, key: &Key, alert: &Alert, now: UtcNanos, out: &mut Vec<Effect>) {
        while self.hour.front().is_some_and(|at| *at <= now.before(HOUR)) {
            self.hour.pop_front();
        }
        if self.hour.len() >= self.settings.messages_per_hour as usize {
            // It is tried again with the next reading, and counts once.
            if event == Happened::Closed || self.held.insert(key.clone()) {
                self.held_back = (self.held_back.0 + 1, self.held_back.1 + 1);
            }
            return;
        }
        self.hour.push_back(now);
        self.held.remove(key);
        if event != Happened::Closed {
            self.told.insert(key.clone(), now);
        }
        let held_back = std::mem::take(&mut self.held_back.0);
        let how = match event {
            Happened::Opened => "",
            Happened::StillOpen => "still: ",
            Happened::Closed => "over: ",
        };
        let text = format!("{how}{}", alert.text);
        out.push(Effect::Tell(Box::new(Message { event, text, alert: alert.clone(), held_back })));
    }
}

/// Who opens and closes.
const BY: &str = "merganser";

fn record(what: &str, by: &str, alert: &AlertId, why: &str, at: UtcNanos) -> Effect {
    let (by, what, subject, why) = (by.to_owned(), what.to_owned(), alert.to_string(), why.to_owned());
    Effect::Record(Action { by, what, subject, why, at })
}

#[cfg(test)]
mod tests;
