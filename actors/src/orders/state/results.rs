//! What each strategy has made or lost, and its loss of the day.
//!
//! A result is what came in for all that was sold less what went out for all that was bought, with fees in the instrument's own
//! assets, and what is still held at its mark. A fee in a third asset is the account's alone.

use messages::risk::{Latch, RiskEvent};

use super::*;

/// What went in and out, and with what each strategy's day began.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Results {
    /// By strategy and instrument, in quote asset.
    flows: BTreeMap<(StrategyId, Instrument), Cash>,
    /// When a strategy's day ends, and the result with which it began.
    days: BTreeMap<StrategyId, (UtcNanos, Cash)>,
}

/// The same, as a checkpoint keeps it.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct SavedResults {
    flows: Vec<((StrategyId, Instrument), Cash)>,
    days: Vec<(StrategyId, (UtcNanos, Cash))>,
}

impl Results {
    /// A fill was applied; `changes` are what it did to balances.
    pub fn fill(&mut self, strategy: StrategyId, rules: &Rules, fill: &Fill, changes: &[(Asset, Cash)]) {
        let quote = changes.iter().find(|(asset, _)| *asset == rules.quote).map(|(_, change)| *change);
        let fee = fill.fee.filter(|fee| fee.asset == rules.base && fee.asset != rules.quote);
        let fee = fee.and_then(|fee| fill.price.times(Quantity::from_raw(fee.amount.raw())?)).unwrap_or_default();
        let flow = self.flows.entry((strategy, rules.instrument)).or_default();
        let after = quote.and_then(|change| flow.checked_add(change)?.checked_sub(fee));
        *flow = after.unwrap_or(*flow);
    }

    /// A position was opened that nobody here traded: it cost this, and brought nothing so far. One that was closed brought it.
    pub fn opened(&mut self, strategy: StrategyId, instrument: Instrument, cost: Cash) {
        let flow = self.flows.entry((strategy, instrument)).or_default();
        *flow = flow.checked_sub(cost).unwrap_or(*flow);
    }

    /// A part of what it holds is held no more, and nobody says what that was worth: it takes its share of what went in along.
    pub fn closed(&mut self, strategy: StrategyId, instrument: Instrument, change: Quantity, own: Quantity) {
        let Some(flow) = self.flows.get_mut(&(strategy, instrument)).filter(|_| !own.is_zero()) else { return };
        let share = flow.share(change.abs(), own.abs());
        *flow = share.and_then(|share| flow.checked_sub(share)).unwrap_or(*flow);
    }

    /// With what a strategy's day began.
    pub fn day_began_with(&self, strategy: StrategyId) -> Option<Cash> {
        self.days.get(&strategy).map(|(_, result)| *result)
    }

    /// A strategy's day began.
    pub fn begin_day(&mut self, strategy: StrategyId, ends: UtcNanos, result: Cash) {
        self.days.insert(strategy, (ends, result));
    }

    /// Its loss is counted from here; from the next valuation on, where its result is unknown.
    pub fn begin_anew(&mut self, strategy: StrategyId, result: Option<Cash>) {
        match (self.days.get_mut(&strategy), result) {
            (Some((_, began)), Some(result)) => *began = result,
            _ => drop(self.days.remove(&strategy)),
        }
    }

    pub fn save(&self) -> SavedResults {
        SavedResults {
            flows: self.flows.iter().map(|(key, flow)| (*key, *flow)).collect(),
            days: self.days.iter().map(|(name, day)| (*name, *day)).collect(),
        }
    }

    pub fn load(saved: SavedResults) -> Self {
        Self { flows: saved.flows.into_iter().collect(), days: saved.days.into_iter().collect() }
    }
}

impl Orders {
    /// What a strategy has made or lost; `None` where something it holds has no price.
    pub(super) fn result(&self, strategy: StrategyId) -> Option<Cash> {
        let marks = self.marks();
        let own = self.watch.results.flows.iter().filter(|((name, _), _)| *name == strategy);
        own.clone().try_fold(Cash::ZERO, |sum, ((_, instrument), flow)| {
            let quote = self.settings.rules.get(instrument)?.quote;
            let held = marks.value(*instrument, self.book.own(strategy, *instrument).position)?;
            sum.checked_add(marks.worth(quote, *flow)?)?.checked_add(held)
        })
    }

    /// Looks at each strategy whose loss is limited: its day begins, or its latch falls.
    pub(super) fn watch_results(&mut self, at: Moment, out: &mut Vec<Effect>) {
        let mut names: Vec<StrategyId> = self.watch.results.flows.keys().map(|(name, _)| *name).collect();
        names.dedup();
        for strategy in names {
            let most = self.rulebook.max_daily_loss(strategy);
            let Some(result) = self.result(strategy).filter(|_| most.is_positive()) else { continue };
            let day = self.watch.results.days.get(&strategy).copied().filter(|(ends, _)| at.now < *ends);
            let Some((_, began)) = day else {
                self.watch.results.begin_day(strategy, self.day_ends(at.now), result);
                let why = "the first valuation of the day".to_owned();
                out.push(self.risk_record(RiskEvent::DayBegan { strategy, result }, why, at));
                continue;
            };
            if let Some(lost) = began.checked_sub(result).filter(|lost| *lost >= most) {
                let why = format!("{strategy} has lost {lost} today; the limit is {most}");
                self.trip(Latch::DailyLoss, Some(strategy), TradingState::Reducing, why, at, out);
            }
        }
    }
}
