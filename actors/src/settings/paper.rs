//! `[paper]`: how the paper venue behaves. What a session that was recorded earlier does not say is as it was then.

use std::time::Duration;

use messages::Instrument;
use serde::{Deserialize, Serialize};

use super::{UtcTime, parse_instrument};

/// `[paper]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaperSettings {
    /// From the request to the market, where `to_venue` is `fixed` and says no other.
    #[serde(with = "crate::durations")]
    pub latency: Duration,
    /// Fee of a fill that rested, in millionths of its value, where `fees` is `ppm` and says no other.
    pub maker_fee_ppm: i64,
    /// Fee of a fill that took, in millionths of its value, where `fees` is `ppm` and says no other.
    pub taker_fee_ppm: i64,
    /// Whether levels that a trade or a newer quote has gone through are taken for gone.
    #[serde(default)]
    pub drop_stale_levels: bool,
    /// Who stands before a resting order.
    #[serde(default = "shown")]
    pub fills: ModelSettings,
    /// What a fill costs.
    #[serde(default = "ppm")]
    pub fees: ModelSettings,
    /// How long a request travels.
    #[serde(default = "fixed")]
    pub to_venue: ModelSettings,
    /// How long a report travels.
    #[serde(default = "fixed")]
    pub to_us: ModelSettings,
    /// How far the price slips.
    #[serde(default = "none")]
    pub slippage: ModelSettings,
    /// What is refused.
    #[serde(default)]
    pub rejects: RejectSettings,
    /// When conditional orders trigger.
    #[serde(default)]
    pub triggers: TriggerSettings,
    /// How far prices may move.
    #[serde(default)]
    pub price_limits: PriceLimitSettings,
    /// When an instrument does not trade.
    #[serde(default)]
    pub halts: Vec<HaltSettings>,
}

/// A model of the paper venue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelSettings {
    /// Its registered name.
    pub model: String,
    /// Its own parameters.
    #[serde(default)]
    pub parameters: serde_json::Map<String, serde_json::Value>,
}

impl ModelSettings {
    fn named(model: &str) -> Self {
        Self { model: model.to_owned(), parameters: serde_json::Map::new() }
    }

    /// With a parameter, where it says no other.
    fn or(mut self, name: &str, value: impl Into<serde_json::Value>) -> Self {
        self.parameters.entry(name).or_insert_with(|| value.into());
        self
    }
}

fn shown() -> ModelSettings {
    ModelSettings::named("shown")
}

fn ppm() -> ModelSettings {
    ModelSettings::named("ppm")
}

fn fixed() -> ModelSettings {
    ModelSettings::named("fixed")
}

fn none() -> ModelSettings {
    ModelSettings::named("none")
}

impl PaperSettings {
    /// The fee model; that of plain parts has the rates of this section.
    #[must_use]
    pub fn fees_with_rates(&self) -> ModelSettings {
        let chosen = self.fees.clone();
        if chosen.model != ppm().model {
            return chosen;
        }
        chosen.or("maker_ppm", self.maker_fee_ppm).or("taker_ppm", self.taker_fee_ppm)
    }

    /// The model of requests' latency; the fixed one has the latency of this section.
    #[must_use]
    pub fn to_venue_with_latency(&self) -> ModelSettings {
        let chosen = self.to_venue.clone();
        if chosen.model == fixed().model {
            chosen.or("delay", format!("{}ns", self.latency.as_nanos()))
        } else {
            chosen
        }
    }
}

/// `[paper.rejects]`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RejectSettings {
    /// New orders that are refused for no reason, in a million.
    pub rate_ppm: u32,
    /// Whether the venue holds orders against the instrument's steps, sizes and least value.
    pub filters: bool,
    /// Farthest that a limit price may lie from the last trade, in percent; 0 for any.
    pub price_percent: u32,
    /// Whether the venue refuses what the account cannot pay or does not hold.
    pub balance: bool,
}

/// What triggers a conditional order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TriggerBy {
    /// The last trade.
    #[default]
    Last,
    /// The best price that the order would meet: the ask for a buy, the bid for a sell.
    Quote,
}

/// What becomes of an order whose trigger price is reached when it arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reached {
    /// It triggers at once.
    #[default]
    Trigger,
    /// It is refused, as at Binance.
    Reject,
}

/// `[paper.triggers]`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TriggerSettings {
    /// What triggers.
    pub by: TriggerBy,
    /// What becomes of an order that is reached when it arrives.
    pub reached: Reached,
}

/// `[paper.price_limits]`: bands around the mean price of a window, as limit up, limit down does for US equities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceLimitSettings {
    /// How far a price may lie from the mean of the window, in percent; 0 for any.
    pub band_percent: u32,
    /// The window of trades whose mean is the reference.
    #[serde(with = "crate::durations")]
    pub window: Duration,
    /// How long the instrument pauses behind a trade outside of the band.
    #[serde(with = "crate::durations")]
    pub pause: Duration,
}

impl Default for PriceLimitSettings {
    fn default() -> Self {
        Self { band_percent: 0, window: Duration::from_secs(300), pause: Duration::from_secs(300) }
    }
}

/// One of `paper.halts`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HaltSettings {
    /// `exchange:symbol`.
    pub instrument: String,
    /// The first instant of it.
    pub from: UtcTime,
    /// The first instant behind it.
    pub to: UtcTime,
}

impl HaltSettings {
    /// The instrument.
    ///
    /// # Errors
    /// What is wrong with its name, or with the times, in words.
    pub fn check(&self) -> Result<Instrument, String> {
        if self.from.0 >= self.to.0 {
            return Err(format!("a halt from {} to {}; expected from before to", self.from.0, self.to.0));
        }
        parse_instrument(&self.instrument)
    }
}
