//! The limits in force: the settings, what people changed of them since, and what of both holds for whom.
//!
//! Invariant: what holds for a strategy and a symbol is worked out once, and again after a change; an order only looks it up.

use std::collections::BTreeMap;

use messages::risk::{LimitName, Scope};
use messages::{Cash, Instrument, StrategyId, UtcNanos};
use serde::{Deserialize, Serialize};

use super::by_name::Place;
use super::limits::{LimitText, Overrides};
use super::{AccountLimits, Limits};

/// A change of a limit by a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    /// The new value, as the settings would write it.
    pub value: String,
    /// Who.
    pub by: String,
    /// When.
    pub at: UtcNanos,
}

/// The changes in force.
pub type Changes = BTreeMap<(Scope, LimitName), Changed>;

/// The limits in force.
#[derive(Debug, Clone)]
pub struct Rulebook {
    settings: Limits,
    changes: Changes,
    current: Limits,
    /// The overrides of `current` by instrument.
    symbols: BTreeMap<Instrument, Overrides>,
    effective: BTreeMap<(StrategyId, Instrument), Limits>,
}

impl Rulebook {
    /// The settings as they are.
    #[must_use]
    pub fn new(settings: Limits) -> Self {
        let changes = Changes::new();
        let mut book =
            Self { current: settings.clone(), settings, changes, symbols: BTreeMap::new(), effective: BTreeMap::new() };
        book.apply();
        book
    }

    /// The limits in force, before what a strategy or a symbol has instead.
    #[must_use]
    pub fn current(&self) -> &Limits {
        &self.current
    }

    /// What binds the account.
    #[must_use]
    pub fn account(&self) -> &AccountLimits {
        &self.current.account
    }

    /// True where the loss of any strategy is limited.
    #[must_use]
    pub fn limits_losses_of_strategies(&self) -> bool {
        let own = self.current.strategies.values();
        self.current.max_daily_loss.is_positive() || own.flatten().any(|(name, _)| *name == LimitName::MaxDailyLoss)
    }

    /// The loss of a day at which a strategy's latch falls; zero for none.
    #[must_use]
    pub fn max_daily_loss(&self, strategy: StrategyId) -> Cash {
        let own = self.current.strategies.get(&strategy).and_then(|own| own.get(&LimitName::MaxDailyLoss));
        own.and_then(|LimitText(text)| text.parse().ok()).unwrap_or(self.current.max_daily_loss)
    }

    /// The changes in force.
    #[must_use]
    pub fn changes(&self) -> &Changes {
        &self.changes
    }

    /// What holds for a strategy's order in an instrument.
    pub fn of(&mut self, strategy: StrategyId, instrument: Instrument) -> &Limits {
        let key = (strategy, instrument);
        if !self.effective.contains_key(&key) {
            let found = self.work_out(strategy, instrument);
            self.effective.insert(key, found);
        }
        &self.effective[&key]
    }

    /// The same without remembering it.
    #[must_use]
    pub fn work_out(&self, strategy: StrategyId, instrument: Instrument) -> Limits {
        let own = self.current.strategies.get(&strategy);
        let symbol = self.symbols.get(&instrument);
        let empty = (BTreeMap::new(), BTreeMap::new());
        let mut found = Limits { strategies: empty.0, symbols: empty.1, ..self.current.clone() };
        // Every text was read before it came here: what cannot be read leaves the limit as it is.
        for (name, LimitText(text)) in own.into_iter().flatten() {
            let _ = found.set(Place::Orders, *name, text);
        }
        for (name, LimitText(text)) in symbol.into_iter().flatten() {
            let _ = match own.is_some_and(|own| own.contains_key(name)) {
                true => found.tighten(*name, text),
                false => found.set(Place::Orders, *name, text),
            };
        }
        found
    }

    /// A limit as the settings would write it, where its scope says something of it or all do.
    ///
    /// # Errors
    /// It does not bind that scope, in words.
    pub fn value(&self, scope: Scope, name: LimitName) -> Result<String, String> {
        let own = match scope {
            Scope::Strategy(strategy) => self.current.strategies.get(&strategy),
            Scope::Symbol(instrument) => self.symbols.get(&instrument),
            Scope::All | Scope::Account => None,
        };
        let inherited = self.current.read(place(scope), name)?;
        Ok(own.and_then(|own| own.get(&name)).map_or(inherited, |LimitText(text)| text.clone()))
    }

    /// Changes a limit, or gives it back to the settings where `to` is `None`. True when more may be traded than before.
    ///
    /// # Errors
    /// The limit does not bind that scope, or the text is none of its values, in words; nothing is changed then.
    pub fn change(&mut self, scope: Scope, name: LimitName, to: Option<Changed>) -> Result<bool, String> {
        let before = self.value(scope, name)?;
        let mut trial = self.settings.clone();
        if let Some(changed) = &to {
            trial.set(place(scope), name, &changed.value)?;
        }
        match to {
            Some(changed) => drop(self.changes.insert((scope, name), changed)),
            None => drop(self.changes.remove(&(scope, name))),
        }
        self.apply();
        let after = self.value(scope, name)?;
        trial.set(place(scope), name, &before)?;
        trial.loosens(place(scope), name, &after)
    }

    fn apply(&mut self) {
        self.current = self.settings.clone();
        for ((scope, name), Changed { value, .. }) in &self.changes {
            let (current, text) = (&mut self.current, LimitText(value.clone()));
            match scope {
                Scope::All | Scope::Account => drop(current.set(place(*scope), *name, value)),
                Scope::Strategy(strategy) => {
                    current.strategies.entry(*strategy).or_default().insert(*name, text);
                }
                Scope::Symbol(instrument) => {
                    current.symbols.entry(instrument.to_string()).or_default().insert(*name, text);
                }
            }
        }
        let symbols = self.current.symbols.iter();
        let read = symbols.filter_map(|(text, o)| Some((crate::settings::parse_instrument(text).ok()?, o.clone())));
        self.symbols = read.collect();
        self.effective.clear();
    }

    /// Takes the changes that a checkpoint kept.
    pub fn load(&mut self, changes: Changes) {
        self.changes = changes;
        self.apply();
    }
}

fn place(scope: Scope) -> Place {
    if scope == Scope::Account { Place::Account } else { Place::Orders }
}

#[cfg(test)]
mod tests {
    use messages::Exchange;

    use super::*;

    fn instrument(symbol: &str) -> Instrument {
        Instrument { exchange: Exchange::Simulated, symbol: symbol.parse().unwrap() }
    }

    fn settings() -> Limits {
        let overrides = |text: &str| [(LimitName::MaxOrderNotional, LimitText(text.to_owned()))].into();
        Limits {
            max_order_notional: "500".parse().unwrap(),
            max_open_orders: 10,
            strategies: [("a".parse().unwrap(), overrides("300"))].into(),
            symbols: [("simulated:A".to_owned(), overrides("400")), ("simulated:B".to_owned(), overrides("900"))]
                .into(),
            ..Limits::default()
        }
    }

    fn changed(value: &str) -> Option<Changed> {
        Some(Changed { value: value.to_owned(), by: "ada".to_owned(), at: UtcNanos(0) })
    }

    /// The largest value of an order of a strategy in an instrument.
    fn check(book: &mut Rulebook, strategy: &str, symbol: &str, expected: &str) {
        let found = book.of(strategy.parse().unwrap(), instrument(symbol)).max_order_notional;
        assert_eq!(found.to_string(), expected, "{strategy} {symbol}");
    }

    #[test]
    fn the_nearest_counts_and_of_two_the_tighter() {
        let mut book = Rulebook::new(settings());
        check(&mut book, "x", "X", "500");
        check(&mut book, "a", "X", "300");
        check(&mut book, "x", "A", "400");
        check(&mut book, "x", "B", "900");
        check(&mut book, "a", "A", "300");
        check(&mut book, "a", "B", "300");
    }

    #[test]
    fn changes_hold_at_once_and_say_whether_they_loosen() {
        let mut book = Rulebook::new(settings());
        let a = Scope::Strategy("a".parse().unwrap());
        let name = LimitName::MaxOrderNotional;
        check(&mut book, "a", "X", "300");
        assert_eq!(book.change(a, name, changed("200")), Ok(false));
        check(&mut book, "a", "X", "200");
        assert_eq!(book.change(a, name, changed("0")), Ok(true), "0 switches it off");
        assert_eq!(book.change(a, name, None), Ok(false));
        check(&mut book, "a", "X", "300");
        assert_eq!(book.change(Scope::Symbol(instrument("A")), name, changed("100")), Ok(false));
        check(&mut book, "a", "A", "100");
        assert_eq!(book.change(Scope::All, name, changed("600")), Ok(true));
        check(&mut book, "x", "X", "600");
        check(&mut book, "x", "A", "100");
        assert_eq!(book.change(Scope::Account, LimitName::MaxLeveragePercent, changed("200")), Ok(false));
        assert_eq!(book.account().max_leverage_percent, 200);
        assert_eq!(book.change(Scope::All, LimitName::DuplicateWindow, changed("5s")), Ok(false));
        assert_eq!(book.change(Scope::All, LimitName::DuplicateWindow, changed("2s")), Ok(true));
        let mut again = Rulebook::new(settings());
        again.load(book.changes().clone());
        assert_eq!(again.current(), book.current());
    }

    #[test]
    fn what_is_no_value_changes_nothing() {
        let mut book = Rulebook::new(settings());
        for (scope, name, value) in [
            (Scope::All, LimitName::MaxOrderNotional, "much"),
            (Scope::All, LimitName::MaxOrderNotional, "-1"),
            (Scope::All, LimitName::MaxOpenOrders, "1.5"),
            (Scope::All, LimitName::StaleQuoteAfter, "5"),
            (Scope::All, LimitName::MaxLeveragePercent, "100"),
            (Scope::Account, LimitName::MaxSizeRatio, "10"),
        ] {
            assert!(book.change(scope, name, changed(value)).is_err(), "{scope} {name} {value}");
        }
        assert_eq!(book.current(), &settings());
        assert!(book.changes().is_empty());
    }
}
