//! What Alpaca would refuse, refused before it is sent: a check of values, with the rule's name and figures.
//!
//! Where a figure is unknown (a position that was not heard of yet) its rule says nothing and the venue decides. Sources:
//! docs.alpaca.markets, orders at Alpaca (price steps, types and times in force, extended hours), fractional trading, crypto
//! orders, margin and short selling.

use std::time::Duration;

use chrono::Timelike;
use messages::instrument::{Calendar, Rules, Sessions};
use messages::orders::{OrderRequest, OrderType, Replacement, TimeInForce};
use messages::risk::Refusal;
use messages::{Cash, Price, Quantity, UtcNanos};

use super::order::OrderStatus;
use super::request::{is_crypto, refuse};
use crate::venue_rules::{Seen, VenueRules, When};
use crate::wire::alpaca::asset::Listed;

/// What part of the day it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The regular session, or a market without an end.
    Regular,
    /// From 4:00 in New York to the open, and four hours from the close.
    Extended,
    /// Neither: orders are kept for the next session.
    Closed,
}

/// When trading before the open begins, in New York.
const EXTENDED_OPEN_HOUR: u32 = 4;
/// How long trading goes on behind the close: until 20:00, or 17:00 on short days.
const EXTENDED_AFTER: Duration = Duration::from_secs(4 * 3_600);

impl Phase {
    /// The part of the day at an instant.
    #[must_use]
    pub fn at(calendar: &Calendar, sessions: Sessions, at: UtcNanos) -> Self {
        if calendar.is_open(sessions, at) {
            return Self::Regular;
        }
        let local = chrono::DateTime::from_timestamp_nanos(at.0).with_timezone(&chrono_tz::America::New_York);
        let noon = local
            .date_naive()
            .and_hms_opt(12, 0, 0)
            .and_then(|noon| noon.and_local_timezone(local.timezone()).single());
        let noon = noon.and_then(|noon| noon.timestamp_nanos_opt()).map(UtcNanos);
        // Every session holds noon, the shortest included.
        let Some(noon) = noon.filter(|noon| calendar.is_open(sessions, *noon)) else { return Self::Closed };
        let close = calendar.day_ends(sessions, noon);
        let is_before = at < close && local.hour() >= EXTENDED_OPEN_HOUR;
        let is_behind = at >= close && at < close.after(EXTENDED_AFTER);
        if is_before || is_behind { Self::Extended } else { Self::Closed }
    }
}

/// What an order is checked against.
#[derive(Debug, Clone, Copy)]
pub struct Market<'a> {
    /// The asset, as the venue lists it.
    pub listed: &'a Listed,
    /// What the account holds of it, signed; `None` while unknown.
    pub position: Option<Quantity>,
    /// The part of the day.
    pub phase: Phase,
}

impl VenueRules for Listed {
    fn check(&self, request: &OrderRequest, seen: &Seen, when: When<'_>) -> Result<(), Refusal> {
        let phase = Phase::at(when.calendar, self.rules.sessions, when.now);
        check(request, &Market { listed: self, position: seen.position, phase })
    }

    fn averages_over(&self) -> Option<Duration> {
        None
    }

    fn amend(&self, rules: &Rules) -> Rules {
        Rules { base: rules.base, quote: rules.quote, sessions: rules.sessions, ..self.rules.clone() }
    }

    fn as_value(&self) -> serde_json::Value {
        serde_json::to_value(self).expect("plain data is written into memory")
    }
}

type OfTerms = fn(&OrderRequest) -> Result<(), Refusal>;
type OfListing = fn(&OrderRequest, &Market<'_>) -> Result<(), Refusal>;

/// Rules that look at the order alone.
const TERMS: &[OfTerms] = &[order_type, time_in_force, price, fraction, notional];

/// Rules that look at the asset, too.
const LISTED: &[OfListing] = &[tradable, crypto_step, quantity, fractionable, short, session];

/// The verdict: the first rule that refuses.
///
/// # Errors
/// The rule's code, with what was asked and what is allowed.
pub fn check(request: &OrderRequest, market: &Market<'_>) -> Result<(), Refusal> {
    TERMS.iter().try_for_each(|rule| rule(request))?;
    LISTED.iter().try_for_each(|rule| rule(request, market))
}

fn tradable(r: &OrderRequest, m: &Market<'_>) -> Result<(), Refusal> {
    if m.listed.tradable { Ok(()) } else { refuse("alpaca.tradable", format!("{} is not tradable now", r.instrument)) }
}

fn order_type(r: &OrderRequest) -> Result<(), Refusal> {
    use OrderType::{Limit, Market, StopLimit, TakeProfit};
    let allowed =
        if is_crypto(r) { matches!(r.order_type, Market | Limit | StopLimit) } else { r.order_type != TakeProfit };
    if allowed {
        return Ok(());
    }
    let expected =
        if is_crypto(r) { "market, limit, stop_limit" } else { "market, limit, stop, stop_limit, trailing_stop" };
    refuse("alpaca.order_type", format!("{} takes {expected} orders, not {}", r.instrument, r.order_type))
}

fn time_in_force(r: &OrderRequest) -> Result<(), Refusal> {
    use TimeInForce::{Day, Fok, Gtc, Ioc};
    let allowed: &[TimeInForce] = match (is_crypto(r), r.order_type.is_conditional()) {
        (true, _) => &[Gtc, Ioc],
        (false, true) => &[Day, Gtc],
        (false, false) => &[Day, Gtc, Ioc, Fok],
    };
    if allowed.contains(&r.time_in_force) {
        return Ok(());
    }
    let names: Vec<&str> = allowed.iter().map(|one| one.as_str()).collect();
    let text =
        format!("a {} order in {} is {}, not {}", r.order_type, r.instrument, names.join(" or "), r.time_in_force);
    refuse("alpaca.time_in_force", text)
}

fn prices(r: &OrderRequest) -> impl Iterator<Item = (&'static str, Price)> {
    let named = [("limit", r.price), ("stop", r.stop_price), ("trail", r.trail_amount)];
    named.into_iter().filter_map(|(name, price)| Some((name, price?)))
}

/// Above zero; of a stock two decimals from one dollar on, and four below it.
fn price(r: &OrderRequest) -> Result<(), Refusal> {
    for (name, price) in prices(r) {
        if price <= Price::ZERO {
            return refuse("alpaca.price", format!("{name} price {price} is not positive"));
        }
        if !is_crypto(r) {
            on_step(name, price, stock_step(price))?;
        }
    }
    Ok(())
}

fn crypto_step(r: &OrderRequest, m: &Market<'_>) -> Result<(), Refusal> {
    let step = m.listed.rules.price_step;
    prices(r).filter(|_| is_crypto(r)).try_for_each(|(name, price)| on_step(name, price, step))
}

fn on_step(name: &str, price: Price, step: Price) -> Result<(), Refusal> {
    if price.is_multiple_of(step) {
        return Ok(());
    }
    refuse("alpaca.price_step", format!("{name} price {price} is no multiple of {step}"))
}

fn stock_step(price: Price) -> Price {
    let raw = if price >= Price::ONE { Price::ONE.raw() / 100 } else { Price::ONE.raw() / 10_000 };
    Price::from_raw(raw).unwrap_or(Price::ONE)
}

fn quantity(r: &OrderRequest, m: &Market<'_>) -> Result<(), Refusal> {
    if r.quote_quantity.is_some() {
        return Ok(());
    }
    let rules = &m.listed.rules;
    if !r.quantity.is_positive() {
        return refuse("alpaca.quantity", format!("quantity {} is not positive", r.quantity));
    }
    if !r.quantity.is_multiple_of(rules.quantity_step) {
        let text = format!("quantity {} is no multiple of {}", r.quantity, rules.quantity_step);
        return refuse("alpaca.quantity_step", text);
    }
    if r.quantity < rules.min_quantity {
        return refuse("alpaca.min_quantity", format!("quantity {} is below {}", r.quantity, rules.min_quantity));
    }
    Ok(())
}

fn is_fraction(r: &OrderRequest) -> bool {
    !is_crypto(r) && (r.quote_quantity.is_some() || !r.quantity.is_multiple_of(Quantity::ONE))
}

/// Parts of a share trade in day orders of four types only.
fn fraction(r: &OrderRequest) -> Result<(), Refusal> {
    let is_for_the_day = r.order_type != OrderType::TrailingStop && r.time_in_force == TimeInForce::Day;
    if !is_fraction(r) || is_for_the_day {
        return Ok(());
    }
    let asked = format!("{} {}", r.order_type, r.time_in_force);
    let text = format!("a part of a share needs a market, limit, stop or stop_limit order for the day, not {asked}");
    refuse("alpaca.fraction", text)
}

fn fractionable(r: &OrderRequest, m: &Market<'_>) -> Result<(), Refusal> {
    if !is_fraction(r) || m.listed.rules.quantity_step < Quantity::ONE {
        return Ok(());
    }
    refuse("alpaca.fraction", format!("{} is traded in whole shares", r.instrument))
}

fn notional(r: &OrderRequest) -> Result<(), Refusal> {
    let Some(value) = r.quote_quantity else { return Ok(()) };
    if r.order_type != OrderType::Market {
        return refuse("alpaca.notional", format!("an order by value is a market order, not {}", r.order_type));
    }
    if !is_crypto(r) && value < Cash::ONE {
        return refuse("alpaca.notional", format!("value {value} is below 1"));
    }
    Ok(())
}

/// What is sold beyond the position is sold short.
fn short(r: &OrderRequest, m: &Market<'_>) -> Result<(), Refusal> {
    let Some(position) = m.position.filter(|_| r.side == messages::orders::Side::Sell) else { return Ok(()) };
    if r.quantity <= position {
        return Ok(());
    }
    let text = |why: &str| format!("selling {} of {position} {} would be short: {why}", r.quantity, r.instrument);
    if is_crypto(r) {
        return refuse("alpaca.short", text("crypto cannot be sold short"));
    }
    if !m.listed.shortable {
        return refuse("alpaca.short", text("it is not shortable"));
    }
    if is_fraction(r) {
        return refuse("alpaca.short", text("parts of a share cannot be sold short"));
    }
    Ok(())
}

/// Orders that live for an instant need a session in which to live. The venue keeps the others for the next one; a market order
/// among them would meet whatever price the next one opens with, which is nothing that was decided now.
fn session(r: &OrderRequest, m: &Market<'_>) -> Result<(), Refusal> {
    let is_instant = matches!(r.time_in_force, TimeInForce::Ioc | TimeInForce::Fok);
    let needs_session = is_instant || r.order_type == OrderType::Market;
    if is_crypto(r) || !needs_session || m.phase == Phase::Regular {
        return Ok(());
    }
    let what = if is_instant { r.time_in_force.as_str() } else { r.order_type.as_str() };
    refuse(
        "alpaca.session",
        format!("{what} orders need the regular session of {}; a limit order waits for it", r.instrument),
    )
}

/// Whether the venue may replace an order that stands at `status` there.
///
/// # Errors
/// The rule's code, with what was asked and what is allowed.
pub fn check_replacement(status: &OrderStatus, by_value: bool, terms: &Replacement) -> Result<(), Refusal> {
    use OrderStatus::{Accepted, PendingCancel, PendingNew, PendingReplace};
    if by_value {
        return refuse(
            "alpaca.replace",
            "an order by value cannot be replaced; cancel it and place another".to_owned(),
        );
    }
    if matches!(status, Accepted | PendingNew | PendingCancel | PendingReplace) || status.is_final() {
        return refuse("alpaca.replace", format!("an order that is {status} there cannot be replaced"));
    }
    for price in [terms.price, terms.stop_price].into_iter().flatten() {
        if price <= Price::ZERO {
            return refuse("alpaca.price", format!("price {price} is not positive"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
