//! Slippage models: the price that an order pays which takes, beside the one that was shown.
//!
//! The venue holds them to the order: never beyond its limit, rounded to the price step against the order.

use messages::orders::Side;
use messages::{Price, Quantity};
use serde::Deserialize;

use crate::chance::SplitMix64;

/// What an order takes of one level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Take {
    /// Which way the order goes.
    pub side: Side,
    /// The level's price.
    pub price: Price,
    /// What it takes.
    pub quantity: Quantity,
    /// What the level shows, less what our orders took of it before.
    pub shown: Quantity,
}

/// How far the price slips.
pub trait SlippageModel: Send {
    /// The price that is paid.
    fn price(&mut self, take: &Take, chance: &mut SplitMix64) -> Price;
}

/// Not at all.
#[derive(Debug, Clone, Copy)]
pub struct None;

impl SlippageModel for None {
    fn price(&mut self, take: &Take, _: &mut SplitMix64) -> Price {
        take.price
    }
}

/// The most that a price may slip, in millionths: a tenth.
const MOST_PPM: i64 = 100_000;

/// By the same part of the price, always.
#[derive(Debug, Clone, Copy)]
pub struct Ppm {
    ppm: i64,
}

/// Millionths of the price.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parts {
    ppm: i64,
}

impl Ppm {
    /// From its parameters.
    ///
    /// # Errors
    /// A part below zero or beyond a tenth.
    pub fn new(p: Parts) -> Result<Self, String> {
        check(p.ppm)?;
        Ok(Self { ppm: p.ppm })
    }
}

impl SlippageModel for Ppm {
    fn price(&mut self, take: &Take, _: &mut SplitMix64) -> Price {
        worse(take, i128::from(self.ppm), 1)
    }
}

/// By a part of the price that grows with the part of the level that is taken: `ppm` for the whole level.
#[derive(Debug, Clone, Copy)]
pub struct Impact {
    ppm: i64,
}

impl Impact {
    /// From its parameters.
    ///
    /// # Errors
    /// A part below zero or beyond a tenth.
    pub fn new(p: Parts) -> Result<Self, String> {
        check(p.ppm)?;
        Ok(Self { ppm: p.ppm })
    }
}

impl SlippageModel for Impact {
    fn price(&mut self, take: &Take, _: &mut SplitMix64) -> Price {
        let ppm = i128::from(self.ppm).checked_mul(take.quantity.raw());
        match ppm.filter(|_| take.shown.is_positive()) {
            Some(ppm) => worse(take, ppm, take.shown.raw()),
            Option::None => take.price,
        }
    }
}

fn check(ppm: i64) -> Result<(), String> {
    if (0..=MOST_PPM).contains(&ppm) { Ok(()) } else { Err(format!("`ppm` is {ppm}; expected 0 to {MOST_PPM}")) }
}

/// The price, `ppm / of` millionths worse for the order, rounded against it.
fn worse(take: &Take, ppm: i128, of: i128) -> Price {
    let slip = i128::from(take.price.raw()).checked_mul(ppm).map(|product| product / of);
    // Rounded up: a slip that is smaller than the last digit is one all the same.
    let slip = slip.map(|slip| slip.div_euclid(1_000_000) + i128::from(slip.rem_euclid(1_000_000) > 0));
    let signed = match take.side {
        Side::Buy => slip,
        Side::Sell => slip.map(|slip| -slip),
    };
    let price = signed.and_then(|slip| i64::try_from(i128::from(take.price.raw()) + slip).ok());
    price.and_then(Price::from_raw).unwrap_or(take.price)
}
