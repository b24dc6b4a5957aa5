//! When an instrument does not trade at the venue: halts by the settings, and pauses behind a trade outside of its band.
//!
//! The bands are those of the limit up, limit down plan of US equities in outline (reference: the mean of the trades of five
//! minutes; a pause of five minutes), without its steps of reference and the fifteen seconds of a limit state. They hold for
//! every price at which the venue fills.

use super::*;
use crate::settings::PriceLimitSettings;

/// Steps in which the window of the reference moves on.
const SLOTS: usize = 10;

/// A stretch of time in which an instrument does not trade.
#[derive(Debug, Clone, Copy)]
pub struct Halt {
    instrument: Instrument,
    from: UtcNanos,
    to: UtcNanos,
}

/// The halts of the settings.
///
/// # Errors
/// One that is none, in words.
pub fn halts(settings: &PaperSettings) -> Result<Vec<Halt>, String> {
    let halt = |h: &crate::settings::HaltSettings| {
        let instrument = h.check().map_err(|why| format!("paper.halts: {why}"))?;
        Ok(Halt { instrument, from: h.from.0, to: h.to.0 })
    };
    settings.halts.iter().map(halt).collect()
}

/// Trades of one step of the window.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    number: i64,
    sum: i128,
    count: i128,
}

/// The reference price of one instrument, and its pause.
#[derive(Debug, Default)]
pub struct Bands {
    slots: [Slot; SLOTS],
    paused_until: Option<UtcNanos>,
}

/// The lowest and the highest price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Band {
    low: i128,
    high: i128,
}

impl Band {
    pub fn holds(self, price: Price) -> bool {
        (self.low..=self.high).contains(&i128::from(price.raw()))
    }
}

impl Bands {
    /// Takes a trade in. Outside of the band it begins a pause, and the reference begins anew behind it.
    pub fn on_trade(&mut self, price: Price, now: UtcNanos, settings: &PriceLimitSettings) {
        if self.is_paused(now) {
            return;
        }
        if self.band(now, settings).is_some_and(|band| !band.holds(price)) {
            *self = Self { slots: Default::default(), paused_until: Some(now.after(settings.pause)) };
            return;
        }
        let number = slot_number(now, settings);
        let slot = &mut self.slots[number.rem_euclid(SLOTS as i64) as usize];
        if slot.number != number {
            *slot = Slot { number, sum: 0, count: 0 };
        }
        slot.sum += i128::from(price.raw());
        slot.count += 1;
    }

    fn is_paused(&self, now: UtcNanos) -> bool {
        self.paused_until.is_some_and(|until| now < until)
    }

    /// The band around the mean of the window; `None` where nothing traded in it.
    pub fn band(&self, now: UtcNanos, settings: &PriceLimitSettings) -> Option<Band> {
        let newest = slot_number(now, settings);
        let inside = self.slots.iter().filter(|slot| newest.saturating_sub(slot.number) < SLOTS as i64);
        let (sum, count) = inside.fold((0, 0), |(sum, count), slot| (sum + slot.sum, count + slot.count));
        let mean = i128::checked_div(sum, count)?;
        let width = mean * i128::from(settings.band_percent) / 100;
        Some(Band { low: mean - width, high: mean + width })
    }
}

fn slot_number(now: UtcNanos, settings: &PriceLimitSettings) -> i64 {
    let width = messages::time::nanos(settings.window) / SLOTS as i64;
    now.0.div_euclid(width.max(1))
}

impl Paper {
    /// True while the venue does not trade the instrument.
    pub(super) fn is_halted(&self, instrument: Instrument, now: UtcNanos) -> bool {
        let halted = |h: &Halt| h.instrument == instrument && (h.from..h.to).contains(&now);
        self.halts.iter().any(halted)
            || self.has_bands() && self.markets.get(instrument).is_some_and(|m| m.bands.is_paused(now))
    }

    pub(super) fn has_bands(&self) -> bool {
        self.settings.paper.price_limits.band_percent > 0
    }

    /// The band of an instrument, where there are any.
    pub(super) fn band(&self, instrument: Instrument, now: UtcNanos) -> Option<Band> {
        let market = self.markets.get(instrument).filter(|_| self.has_bands())?;
        market.bands.band(now, &self.settings.paper.price_limits)
    }
}
