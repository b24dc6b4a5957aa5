//! What trips by itself, and what people change of risk: latches, limits, the status of instruments.
//!
//! The account is valued by a timer while a loss is limited: a value between two of them trips nothing. What has
//! fallen is in the ledger before anything that follows from it is done.

use messages::account::OpeningEntry;
use messages::risk::{InstrumentStatus, Latch, RiskAct, RiskChange, RiskEvent, RiskRecord, whose};
use messages::venues::NOT_CONNECTED;

use super::results::{Results, SavedResults};
use super::*;
use crate::orders::risk::latch::{Answers, Fallen, Latches, remedy};
use crate::orders::risk::losses::Losses;
use crate::orders::risk::rulebook::{Changed, Changes};

/// How often the account is valued while a loss is limited.
const VALUED_EVERY: Duration = Duration::from_secs(1);

/// How long the account's value may be unknown before people are told: at a start the first prices are on their way.
const UNKNOWN_FOR: Duration = Duration::from_secs(60);

/// What gives a limit back to the settings.
const SETTINGS: &str = "settings";

/// What trips by itself.
#[derive(Debug, Clone, Default)]
pub(super) struct Watch {
    pub latches: Latches,
    pub losses: Losses,
    pub results: Results,
    pub answers: Answers,
    pub statuses: BTreeMap<Instrument, InstrumentStatus>,
    /// When the account is valued next; `None` while no loss is limited, or nothing has happened yet.
    pub value_due: Option<UtcNanos>,
    /// Since when the account's value is unknown, and whether people were told.
    unknown: Option<(UtcNanos, bool)>,
    /// Assets that are no part of the value, as people were told.
    left_out: BTreeSet<Asset>,
}

/// The same, as a checkpoint keeps it.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct SavedWatch {
    latches: Vec<((Latch, Option<StrategyId>), Fallen)>,
    losses: Losses,
    results: SavedResults,
    answers: Answers,
    statuses: Vec<(Instrument, InstrumentStatus)>,
    changes: Vec<((messages::risk::Scope, messages::risk::LimitName), Changed)>,
}

impl Watch {
    /// The first latch of the account that has fallen.
    pub fn first_fallen(&self) -> Option<Latch> {
        self.latches.keys().find(|(_, strategy)| strategy.is_none()).map(|(latch, _)| *latch)
    }

    /// Counts how the venue answered a new order; `was_known` before this event. True where it counted one.
    pub fn note_answer(&mut self, was_known: bool, order: &Order, event: &OrderEvent) -> bool {
        let refused = matches!(event.kind, EventKind::Rejected | EventKind::NotReceived)
            && !event.reason.is_some_and(|reason| [NEVER_SENT, NOT_CONNECTED].contains(&reason.as_str()));
        // What was adopted begins with being there: its venue answered somebody else.
        let is_ours = event.number > 1;
        let taken = order.acknowledged && !was_known && is_ours;
        if refused || taken {
            self.answers.note(refused);
        }
        refused || taken
    }

    /// What its venue takes for an instrument.
    pub fn status(&self, instrument: Instrument) -> InstrumentStatus {
        self.statuses.get(&instrument).copied().unwrap_or(InstrumentStatus::Trading)
    }

    pub fn save(&self, changes: &Changes) -> SavedWatch {
        SavedWatch {
            latches: self.latches.iter().map(|(latch, fallen)| (*latch, fallen.clone())).collect(),
            losses: self.losses,
            results: self.results.save(),
            answers: self.answers,
            statuses: self.statuses.iter().map(|(i, s)| (*i, *s)).collect(),
            changes: changes.iter().map(|(key, changed)| (*key, changed.clone())).collect(),
        }
    }

    pub fn load(saved: SavedWatch) -> (Self, Changes) {
        let SavedWatch { latches, losses, results, answers, statuses, changes } = saved;
        let (latches, statuses) = (latches.into_iter().collect(), statuses.into_iter().collect());
        let results = Results::load(results);
        (Self { latches, losses, results, answers, statuses, ..Self::default() }, changes.into_iter().collect())
    }
}

impl Orders {
    /// Changes a limit, sets a latch free, or notes the status of an instrument. What was done, in words.
    ///
    /// # Errors
    /// It cannot be done, in words; nothing is changed then.
    pub fn on_risk(&mut self, change: RiskChange, at: Moment, out: &mut Vec<Effect>) -> Result<String, String> {
        let RiskChange { act, by, why } = change;
        if why.trim().is_empty() && !matches!(act, RiskAct::Instrument { .. }) {
            return Err("a change of risk needs a reason; say it with --why".to_owned());
        }
        let (event, done) = match act {
            RiskAct::Limit { scope, name, value } => {
                let from = self.rulebook.value(scope, name)?;
                let to = (value != SETTINGS).then(|| Changed { value, by: by.clone(), at: at.now });
                let looser = self.rulebook.change(scope, name, to.clone())?;
                let now = self.rulebook.value(scope, name)?;
                let which = if looser { "looser" } else { "not looser" };
                let done = format!("{name} of {scope} is {now}, was {from}: {which}");
                (RiskEvent::Limit { scope, name, from, to: to.map(|to| to.value) }, done)
            }
            RiskAct::Reset { latch, strategy } => {
                let what = whose(latch, strategy);
                let fallen = self.watch.latches.remove(&(latch, strategy));
                let fallen = fallen.ok_or_else(|| format!("{what} has not fallen; `merganser risk` shows what has"))?;
                let value = strategy.map_or_else(|| self.equity(), |strategy| self.result(strategy));
                self.begin_anew(latch, strategy, value, at.now);
                let goes_on = match self.trading {
                    TradingState::Active => "trading is ACTIVE".to_owned(),
                    state => format!("trading is {state}, `merganser resume` goes on"),
                };
                let done = format!("{what} is free, fell at {}: {}; {goes_on}", fallen.at, fallen.why);
                (RiskEvent::Reset { latch, strategy, value }, done)
            }
            RiskAct::Instrument { instrument, status } => {
                if self.watch.status(instrument) == status {
                    return Ok(format!("{instrument} is {status} already"));
                }
                self.watch.statuses.insert(instrument, status);
                (RiskEvent::Instrument { instrument, status }, format!("{instrument} is {status}"))
            }
        };
        out.push(Effect::Record(LedgerRecord::Risk(Box::new(RiskRecord { event, by, why, at: at.now }))));
        self.value_from(at.now);
        Ok(done)
    }

    /// Takes what the ledger says of risk. A limit that the settings no longer know as such is left to them.
    pub(super) fn restore_risk(&mut self, record: &RiskRecord) {
        let RiskRecord { event, by, why, at } = record;
        match event {
            RiskEvent::Limit { scope, name, to, .. } => {
                let to = to.clone().map(|value| Changed { value, by: by.clone(), at: *at });
                if let Err(why) = self.rulebook.change(*scope, *name, to) {
                    tracing::warn!(%scope, %name, why, "a change of a limit in the ledger is left aside");
                }
            }
            RiskEvent::Tripped { latch, strategy, .. } => {
                self.watch.latches.insert((*latch, *strategy), Fallen { why: why.clone(), at: *at });
            }
            RiskEvent::Reset { latch, strategy, value } => {
                self.watch.latches.remove(&(*latch, *strategy));
                self.begin_anew(*latch, *strategy, *value, *at);
            }
            RiskEvent::DayBegan { strategy, result } => {
                let ends = self.day_ends(*at);
                self.watch.results.begin_day(*strategy, ends, *result);
            }
            RiskEvent::Instrument { instrument, status } => {
                self.watch.statuses.insert(*instrument, *status);
            }
        }
    }

    fn begin_anew(&mut self, latch: Latch, strategy: Option<StrategyId>, value: Option<Cash>, at: UtcNanos) {
        let ends = self.day_ends(at);
        match strategy {
            Some(strategy) => return self.watch.results.begin_anew(strategy, value),
            None => self.watch.losses.begin_anew(latch, value, ends),
        }
        if latch == Latch::Rejects {
            self.watch.answers = Answers::default();
        }
    }

    /// What the account is worth; `None` while a balance has no rate.
    pub(super) fn equity(&self) -> Option<Cash> {
        self.marks().equity(&self.balances)
    }

    pub(super) fn marks(&self) -> Marks<'_> {
        Marks { settings: &self.settings, prices: &self.prices, rates: &self.rates }
    }

    /// True for an entry that waits for a price: with it in the books and its worth unknown, losses could not be counted on.
    pub(super) fn waits_for_a_price(&self, entry: &OpeningEntry) -> bool {
        let is_unpriced = matches!(entry, OpeningEntry::Balance { worth: None, .. });
        is_unpriced && self.rulebook.account().limits_losses() && self.watch.losses.are_counted()
    }

    /// Money was paid in that is worth so much. Where it had no rate the losses begin anew: what they were is not known any more.
    /// What a reconciliation enters has one where losses are limited and counted.
    pub(super) fn paid(&mut self, worth: Option<Cash>) {
        match worth {
            Some(worth) => self.watch.losses.paid(worth),
            None => self.watch.losses = Losses::default(),
        }
    }

    pub(super) fn follow_value(&mut self, value: Cash, at: UtcNanos) {
        self.watch.losses.follow(value, at, &self.settings.calendar, self.settings.account_day);
    }

    /// When the account's day ends.
    pub(super) fn day_ends(&self, at: UtcNanos) -> UtcNanos {
        self.settings.calendar.day_ends(self.settings.account_day, at)
    }

    /// The account is valued from now on, where a loss is limited, and not, where none is.
    pub(super) fn value_from(&mut self, now: UtcNanos) {
        let account = self.rulebook.account();
        let wanted = account.limits_losses() || self.rulebook.limits_losses_of_strategies();
        self.watch.value_due = wanted.then(|| self.watch.value_due.unwrap_or(now));
    }

    /// Values the account, if that is due.
    pub(super) fn value_if_due(&mut self, at: Moment, out: &mut Vec<Effect>) {
        if self.watch.value_due.is_none_or(|due| due > at.now) {
            return;
        }
        self.watch.value_due = Some(at.now.floor_to(VALUED_EVERY).after(VALUED_EVERY));
        self.watch_results(at, out);
        let account = *self.rulebook.account();
        if account.limits_losses() {
            self.tell_what_is_not_valued(account.on_loss, at, out);
        }
        let Some(value) = self.equity() else { return };
        self.follow_value(value, at.now);
        let falling: Vec<_> = self.watch.losses.check(value, &account).collect();
        for (latch, why) in falling {
            self.trip(latch, None, account.on_loss, why, at, out);
        }
    }

    /// What no instrument here trades is no part of the value, and is told once. What one trades and has no rate makes the value
    /// unknown: that is told once it has lasted.
    fn tell_what_is_not_valued(&mut self, on_loss: TradingState, at: Moment, out: &mut Vec<Effect>) {
        let marks = self.marks();
        let held = || self.balances.iter().filter(|(_, total)| !total.is_zero());
        let left_out: BTreeSet<Asset> = held().map(|(asset, _)| *asset).filter(|a| !self.rates.trades(*a)).collect();
        let unpriced = held().filter(|(asset, total)| marks.worth(**asset, **total).is_none());
        let unpriced = names(unpriced.map(|(asset, _)| asset));
        let new = names(left_out.difference(&self.watch.left_out));
        if !new.is_empty() {
            out.push(Effect::Alert(format!(
                "the account holds {new}, which no instrument here trades: losses are counted without it"
            )));
            self.watch.left_out.extend(left_out);
        }
        if unpriced.is_empty() {
            self.watch.unknown = None;
            return;
        }
        let (since, told) = self.watch.unknown.get_or_insert((at.now, false));
        if !*told && at.now >= since.after(UNKNOWN_FOR) {
            *told = true;
            let left =
                if on_loss == TradingState::Halted { "nothing is traded" } else { "only what reduces is traded" };
            let currency = self.settings.currency;
            out.push(Effect::Alert(format!(
                "what the account is worth is unknown, and so what it has lost: {unpriced} has no price in {currency}; until it has one {left}. Name an instrument between the two, or none that trades it"
            )));
        }
    }

    /// The venue has answered one more order.
    pub(super) fn trip_on_answers(&mut self, at: Moment, out: &mut Vec<Effect>) {
        let account = *self.rulebook.account();
        if let Some(why) = self.watch.answers.check(account.reject_window, account.max_reject_percent) {
            self.trip(Latch::Rejects, None, account.on_rejects, why, at, out);
        }
    }

    /// A latch falls, once. The account's changes what may be traded; a strategy's stops that strategy.
    pub(super) fn trip(
        &mut self,
        latch: Latch,
        strategy: Option<StrategyId>,
        state: TradingState,
        why: String,
        at: Moment,
        out: &mut Vec<Effect>,
    ) {
        if self.watch.latches.contains_key(&(latch, strategy)) {
            return;
        }
        self.watch.latches.insert((latch, strategy), Fallen { why: why.clone(), at: at.now });
        out.push(self.risk_record(RiskEvent::Tripped { latch, strategy, state }, why.clone(), at));
        let (what, remedy) = (whose(latch, strategy), remedy(latch, strategy));
        out.push(Effect::Alert(format!("{what} has fallen: {why}; {remedy} sets it free")));
        if strategy.is_none() && state > self.trading {
            self.trading = state;
            let change = StateChange { state, by: "merganser".to_owned(), why: format!("{latch}: {why}") };
            out.push(Effect::Record(LedgerRecord::Trading { change, at: at.now }));
        }
    }

    /// What the ledger keeps of what happens by itself.
    pub(super) fn risk_record(&self, event: RiskEvent, why: String, at: Moment) -> Effect {
        let record = RiskRecord { event, by: "merganser".to_owned(), why, at: at.now };
        Effect::Record(LedgerRecord::Risk(Box::new(record)))
    }
}

fn names<'a>(assets: impl Iterator<Item = &'a Asset>) -> String {
    assets.map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
