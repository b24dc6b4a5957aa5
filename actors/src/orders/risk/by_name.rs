//! Each limit by its name: read, set, held against another value of it.

use std::time::Duration;

use messages::risk::{LimitName, TradingState};
use messages::{Cash, Quantity};

use super::limits::{LimitText, Limits};

/// One limit, whatever it is counted in.
enum Field<'a> {
    Quantity(&'a mut Quantity),
    Cash(&'a mut Cash),
    Count(&'a mut u32),
    Time(&'a mut Duration),
}

impl Field<'_> {
    /// As a number that can be compared with others of the same limit.
    fn get(&self) -> i128 {
        match self {
            Self::Quantity(value) => value.raw(),
            Self::Cash(value) => value.raw(),
            Self::Count(value) => i128::from(**value),
            Self::Time(value) => i128::try_from(value.as_nanos()).unwrap_or(i128::MAX),
        }
    }

    fn put(&mut self, text: &str) -> Result<(), String> {
        let negative = || format!("`{text}` is below 0, which switches a limit off");
        match self {
            Self::Quantity(value) => {
                let read: Quantity = text.parse().map_err(|e| format!("`{text}`: {e}"))?;
                **value = if read.is_negative() { return Err(negative()) } else { read };
            }
            Self::Cash(value) => {
                let read: Cash = text.parse().map_err(|e| format!("`{text}`: {e}"))?;
                **value = if read.is_negative() { return Err(negative()) } else { read };
            }
            Self::Count(value) => {
                **value = text.parse().map_err(|_| format!("`{text}` is no whole number from 0 to {}", u32::MAX))?;
            }
            Self::Time(value) => **value = crate::durations::parse(text).map_err(|e| format!("`{text}`: {e}"))?,
        }
        Ok(())
    }

    fn write(&self) -> String {
        match self {
            Self::Quantity(value) => value.to_string(),
            Self::Cash(value) => value.to_string(),
            Self::Count(value) => value.to_string(),
            Self::Time(value) => crate::durations::format(**value),
        }
    }
}

/// Where a limit stands: with every order and strategy, or with the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// `[risk]`, and under a strategy or a symbol.
    Orders,
    /// `[risk.account]`.
    Account,
}

impl Limits {
    fn field(&mut self, place: Place, name: LimitName) -> Result<Field<'_>, String> {
        use LimitName as N;
        let account = &mut self.account;
        Ok(match (place, name) {
            (Place::Orders, N::MaxOrderQuantity) => Field::Quantity(&mut self.max_order_quantity),
            (Place::Orders, N::MaxOrderNotional) => Field::Cash(&mut self.max_order_notional),
            (Place::Orders, N::PriceCollarPercent) => Field::Count(&mut self.price_collar_percent),
            (Place::Orders, N::MaxPriceDistancePercent) => Field::Count(&mut self.max_price_distance_percent),
            (Place::Orders, N::MaxSizeRatio) => Field::Count(&mut self.max_size_ratio),
            (Place::Orders, N::DuplicateWindow) => Field::Time(&mut self.duplicate_window),
            (Place::Orders, N::StaleQuoteAfter) => Field::Time(&mut self.stale_quote_after),
            (Place::Orders, N::MaxPositionQuantity) => Field::Quantity(&mut self.max_position_quantity),
            (Place::Orders, N::MaxPositionNotional) => Field::Cash(&mut self.max_position_notional),
            (Place::Orders, N::MaxAccountPositionQuantity) => Field::Quantity(&mut self.max_account_position_quantity),
            (Place::Orders, N::MaxAccountPositionNotional) => Field::Cash(&mut self.max_account_position_notional),
            (Place::Orders, N::MaxGrossExposure) => Field::Cash(&mut self.max_gross_exposure),
            (Place::Orders, N::MaxNetExposure) => Field::Cash(&mut self.max_net_exposure),
            (Place::Orders, N::MaxOpenOrders) => Field::Count(&mut self.max_open_orders),
            (Place::Orders, N::MaxOrdersPerSecond) => Field::Count(&mut self.max_orders_per_second),
            (Place::Orders, N::MaxDailyLoss) => Field::Cash(&mut self.max_daily_loss),
            (Place::Account, N::MaxGrossExposure) => Field::Cash(&mut account.max_gross_exposure),
            (Place::Account, N::MaxNetExposure) => Field::Cash(&mut account.max_net_exposure),
            (Place::Account, N::MaxLeveragePercent) => Field::Count(&mut account.max_leverage_percent),
            (Place::Account, N::MaxConcentrationPercent) => Field::Count(&mut account.max_concentration_percent),
            (Place::Account, N::ConcentrationAbove) => Field::Cash(&mut account.concentration_above),
            (Place::Account, N::MaxOpenOrders) => Field::Count(&mut account.max_open_orders),
            (Place::Account, N::MaxOrdersPerSecond) => Field::Count(&mut account.max_orders_per_second),
            (Place::Account, N::MaxDailyLossPercent) => Field::Count(&mut account.max_daily_loss_percent),
            (Place::Account, N::MaxDrawdownPercent) => Field::Count(&mut account.max_drawdown_percent),
            (Place::Account, N::MaxRejectPercent) => Field::Count(&mut account.max_reject_percent),
            (Place::Account, _) => return Err(format!("{name} binds orders, strategies or symbols, not the account")),
            (Place::Orders, _) => return Err(format!("{name} binds the account alone: risk.account.{name}")),
        })
    }

    /// A limit as the settings write it.
    ///
    /// # Errors
    /// It is not at this place, in words.
    pub fn read(&self, place: Place, name: LimitName) -> Result<String, String> {
        Ok(self.clone().field(place, name)?.write())
    }

    /// Sets a limit.
    ///
    /// # Errors
    /// It is not at this place, or the text is none of its values, in words; nothing is changed then.
    pub fn set(&mut self, place: Place, name: LimitName, text: &str) -> Result<(), String> {
        self.field(place, name)?.put(text)
    }

    /// Sets a limit unless it is tighter already.
    pub(super) fn tighten(&mut self, name: LimitName, text: &str) -> Result<(), String> {
        let before = self.read(Place::Orders, name)?;
        let old = self.field(Place::Orders, name)?.get();
        let mut field = self.field(Place::Orders, name)?;
        field.put(text)?;
        if laxity(name, old) < laxity(name, field.get()) { field.put(&before) } else { Ok(()) }
    }

    /// True when the text lets more be traded than the limit does.
    ///
    /// # Errors
    /// As for [`Self::set`].
    pub fn loosens(&self, place: Place, name: LimitName, text: &str) -> Result<bool, String> {
        let mut trial = self.clone();
        let mut field = trial.field(place, name)?;
        let before = field.get();
        field.put(text)?;
        Ok(laxity(name, field.get()) > laxity(name, before))
    }

    /// All that is wrong with them, each with its path.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let strategies = self.strategies.iter().map(|(name, o)| (format!("risk.strategies.{name}"), o));
        let symbols = self.symbols.iter().map(|(name, o)| (format!("risk.symbols.\"{name}\""), o));
        for (path, overrides) in strategies.chain(symbols) {
            for (name, LimitText(text)) in overrides {
                let wrong = self.clone().set(Place::Orders, *name, text).err();
                problems.extend(wrong.map(|why| format!("{path}.{name}: {why}")));
            }
        }
        for symbol in self.symbols.keys() {
            problems.extend(crate::settings::parse_instrument(symbol).err().map(|why| format!("risk.symbols: {why}")));
        }
        let account = &self.account;
        if !(1..=64).contains(&account.reject_window) {
            problems.push(format!("risk.account.reject_window: {} is not between 1 and 64", account.reject_window));
        }
        for (key, state) in [("on_loss", account.on_loss), ("on_rejects", account.on_rejects)] {
            if state == TradingState::Active {
                problems.push(format!("risk.account.{key}: ACTIVE stops nothing; expected REDUCING or HALTED"));
            }
        }
        for (key, percent) in [
            ("max_concentration_percent", account.max_concentration_percent),
            ("max_daily_loss_percent", account.max_daily_loss_percent),
            ("max_drawdown_percent", account.max_drawdown_percent),
            ("max_reject_percent", account.max_reject_percent),
        ] {
            if percent > 100 {
                problems.push(format!("risk.account.{key}: {percent} is more than 100 %"));
            }
        }
        problems
    }
}

/// How much a value of a limit lets through: of two, the smaller is the tighter one. Zero lets all through.
fn laxity(name: LimitName, value: i128) -> i128 {
    match name {
        // A longer window catches more, and what is not concentrated is not looked at.
        LimitName::DuplicateWindow => -value,
        LimitName::ConcentrationAbove => value,
        _ if value == 0 => i128::MAX,
        _ => value,
    }
}
