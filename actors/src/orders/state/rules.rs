//! The venue's own rules, asked for again while we run: each time that it is reached, and on a schedule.
//!
//! What is other from then on holds against orders, with the steps and sizes of the instrument, and people are told the old and the
//! new value. The ledger restores none of it: whoever begins anew has the rules from before the run, and asks at its first connection.

use messages::venues::ToldRules;
use serde_json::Value;

use super::*;
use crate::timer::earliest;

/// Connections make us ask this often at most: a venue may be lost many times in a row, and each instrument may be a request.
const ASKED_EVERY: Duration = Duration::from_secs(60);

impl Orders {
    /// The venue is reached: asks for its rules, or, where they were asked for a moment ago, a minute after that. The answers may
    /// have been lost with the connection.
    pub(super) fn ask_for_rules_anew(&mut self, at: Moment, out: &mut Vec<Effect>) {
        match self.rules_asked_at.map(|asked| asked.after(ASKED_EVERY)).filter(|again| *again > at.now) {
            Some(again) => self.rules_due = earliest(self.rules_due, Some(again)),
            None => self.ask_for_rules(at, out),
        }
    }

    /// Asks for the rules that it has, exchange by exchange.
    pub(super) fn ask_for_rules(&mut self, at: Moment, out: &mut Vec<Effect>) {
        if self.settings.rules_every.is_zero() || self.settings.venue_rules.is_empty() {
            return;
        }
        (self.rules_asked_at, self.rules_due) = (Some(at.now), Some(at.now.after(self.settings.rules_every)));
        let mut asked = BTreeMap::<Exchange, Vec<Instrument>>::new();
        for instrument in self.settings.venue_rules.keys() {
            asked.entry(instrument.exchange).or_default().push(*instrument);
        }
        let ask = |(exchange, instruments)| Effect::Send(exchange, VenueRequest::Rules { instruments, at: at.now });
        out.extend(asked.into_iter().map(ask));
    }

    /// Of what a venue says of its rules, what is other than what is held against orders, or cannot be read.
    #[must_use]
    pub fn news_of_rules(&self, told: Vec<ToldRules>) -> Vec<ToldRules> {
        told.into_iter().filter(|told| self.news(told).is_some()).collect()
    }

    /// Rules of the venue have changed.
    pub fn on_rules(&mut self, told: &[ToldRules], out: &mut Vec<Effect>) {
        for told in told {
            let instrument = told.instrument;
            let (rules, changes) = match self.news(told) {
                None => continue,
                Some(News::Changed(rules, changes)) => (rules, changes),
                Some(News::Unreadable(why)) => {
                    let text = format!("the venue's rules of {instrument} cannot be read and stay as they were: {why}");
                    out.push(Effect::Alert(text));
                    continue;
                }
            };
            if let Some(known) = self.settings.rules.get_mut(&instrument) {
                *known = rules.amend(known);
            }
            let length = rules.averages_over();
            let before = self.settings.venue_rules.insert(instrument, rules);
            if before.and_then(|before| before.averages_over()) != length {
                self.averages.remove(&instrument);
                if let Some(length) = length.filter(|length| !length.is_zero()) {
                    self.averages.insert(instrument, Average::over(length));
                }
            }
            let text = format!("the venue has changed its rules of {instrument}: {}", changes.join("; "));
            out.push(Effect::Alert(text));
        }
    }

    /// What is other in the rules that were told; `None` where nothing is, or nothing is known of the instrument.
    fn news(&self, told: &ToldRules) -> Option<News> {
        let known = self.settings.venue_rules.get(&told.instrument)?;
        let rules = match (self.settings.read_rules)(told) {
            Ok(rules) => rules,
            Err(why) => return Some(News::Unreadable(why.to_string())),
        };
        let mut changes = Vec::new();
        differences("", &known.as_value(), &rules.as_value(), &mut changes);
        (!changes.is_empty()).then_some(News::Changed(rules, changes))
    }
}

/// What a venue says of rules that are held against orders.
enum News {
    /// The rules, and what is other in them.
    Changed(Arc<dyn VenueRules>, Vec<String>),
    /// Why they cannot be read.
    Unreadable(String),
}

/// What is not there.
static NOTHING: Value = Value::Null;

/// What differs, by its name: `lot.step "0.01" → "0.1"`.
fn differences(name: &str, old: &Value, new: &Value, out: &mut Vec<String>) {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            let members: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            for member in members {
                let path = if name.is_empty() { member.clone() } else { format!("{name}.{member}") };
                let [old, new] = [old, new].map(|object| object.get(member).unwrap_or(&NOTHING));
                differences(&path, old, new, out);
            }
        }
        _ if old == new => {}
        _ => out.push(format!("{name} {old} → {new}")),
    }
}
