//! The settings of this crate; `config/default.toml` says what each is for.

mod feeds;
mod paper;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use messages::instrument::{Asset, Calendar, Exchange, Instrument, Rules, Sessions, Symbol};
use messages::market::Timeframe;
use messages::telemetry::Level;
use messages::venues::Capabilities;
use messages::{Account, Cash, Price, Quantity, StrategyId, UtcNanos};
use serde::{Deserialize, Serialize};

use crate::orders::risk::{AccountKind, Limits};
use crate::orders::state::ForeignOrders;
use crate::venue_rules::VenueRules;
use crate::venues;

pub use feeds::{AlpacaFeed, BinanceFeed, FeedName, FeedSettings, SimulatedSymbol};
pub use paper::{
    HaltSettings, ModelSettings, PaperSettings, PriceLimitSettings, Reached, RejectSettings, TriggerBy, TriggerSettings,
};

/// `[account]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountSettings {
    /// Whose money.
    pub name: Account,
    /// What the account may do.
    pub kind: AccountKind,
    /// What it is valued in.
    pub currency: Asset,
    /// What a new account begins with.
    pub deposit: Cash,
}

/// `[bars]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BarSettings {
    /// Lengths that are published and stored.
    pub timeframes: Vec<Timeframe>,
    /// How long after its end a bar waits for late trades.
    #[serde(with = "crate::durations")]
    pub lateness: Duration,
}

/// `[venues]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VenueSettings {
    /// The venue that orders go to, by its registered name.
    #[serde(default = "paper")]
    pub orders_to: String,
    /// Its own parameters.
    #[serde(default)]
    pub parameters: serde_json::Map<String, serde_json::Value>,
    /// When an unanswered request is asked about, and how often.
    #[serde(with = "crate::durations")]
    pub query_after: Duration,
    /// When an order that a venue does not know can no longer arrive there; zero for what the venue needs.
    #[serde(with = "crate::durations")]
    pub not_received_after: Duration,
    /// How often our books are held against the venue's while it is reached; zero for never.
    #[serde(with = "crate::durations", default = "never")]
    pub reconcile_every: Duration,
    /// How often the venue's own rules of instruments are asked for again while it is reached; zero for never.
    #[serde(with = "crate::durations", default = "never")]
    pub rules_every: Duration,
    /// What is done about orders in the account that are none of ours.
    #[serde(default)]
    pub foreign_orders: ForeignOrders,
}

/// Sessions that were recorded before books were held against the venue's, or its rules were asked for again.
const fn never() -> Duration {
    Duration::ZERO
}

impl VenueSettings {
    /// After how long an order that a venue with these capabilities does not know is lost.
    #[must_use]
    pub fn lost_after(&self, venue: &Capabilities) -> Duration {
        if self.not_received_after.is_zero() { venue.not_received_after } else { self.not_received_after }
    }
}

/// Sessions that were recorded before there was a choice.
fn paper() -> String {
    venues::PAPER.to_owned()
}

/// `[snapshots]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SnapshotSettings {
    /// How often the account is valued.
    #[serde(with = "crate::durations")]
    pub every: Duration,
}

/// `[strategies]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StrategySettings {
    /// A callback that takes longer has hung.
    #[serde(with = "crate::durations")]
    pub hang_after: Duration,
    /// How often a strategy's state is saved.
    #[serde(with = "crate::durations")]
    pub checkpoint_every: Duration,
    /// Batches that may wait for a strategy before quotes are conflated and, if trades alone do not fit, it is lagging.
    pub queue: usize,
    /// The strategies that run, by the name under which they trade.
    pub run: BTreeMap<StrategyId, StrategyRun>,
}

/// What happens to open orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum OpenOrders {
    /// They are cancelled.
    #[default]
    Cancel,
    /// They stay.
    Leave,
}

impl OpenOrders {
    /// The name in settings and answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Leave => "leave",
        }
    }
}

/// `[strategies.run.NAME]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct StrategyRun {
    /// The registered strategy, where it is not NAME itself.
    pub strategy: Option<StrategyId>,
    /// `exchange:symbol` of what it trades; empty for all that the feed has.
    pub instruments: Vec<String>,
    /// What happens to its open orders when it fails.
    pub on_fault: OpenOrders,
    /// What happens to its open orders when the runtime stops.
    pub on_stop: OpenOrders,
    /// Its own parameters.
    pub parameters: serde_json::Map<String, serde_json::Value>,
}

/// `[telemetry]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TelemetrySettings {
    /// The least that a log line must matter to be stored.
    pub level: Level,
    /// How often metrics are taken.
    #[serde(with = "crate::durations")]
    pub every: Duration,
}

/// `[instruments."exchange:symbol"]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InstrumentSettings {
    /// What is bought and sold.
    pub base: Asset,
    /// What it is paid in.
    pub quote: Asset,
    /// Prices are multiples of this.
    pub price_step: Price,
    /// Quantities are multiples of this.
    pub quantity_step: Quantity,
    /// The smallest order.
    pub min_quantity: Quantity,
    /// The largest order; 0 for any.
    pub max_quantity: Quantity,
    /// The smallest value of an order.
    pub min_notional: Cash,
    /// When it trades.
    pub sessions: Sessions,
}

/// `[calendar]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct CalendarSettings {
    /// With whose sessions the account's day ends.
    #[serde(default)]
    pub account_day: Sessions,
    /// Ends of regular sessions of US equities; where there is none, 16:00 in New York from Monday to Friday.
    pub us_equities_close: Vec<UtcTime>,
}

/// An instant as people write it, `2026-11-27T18:00:00Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UtcTime(pub UtcNanos);

impl TryFrom<String> for UtcTime {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse().map(Self).map_err(|e| format!("`{text}`: {e}"))
    }
}

impl From<UtcTime> for String {
    fn from(time: UtcTime) -> Self {
        time.0.to_string()
    }
}

impl CalendarSettings {
    /// As those ask it who end days.
    #[must_use]
    pub fn calendar(&self) -> Calendar {
        Calendar::of_us_equities(self.us_equities_close.iter().map(|time| time.0).collect())
    }
}

/// All settings that decide: what a session is re-run with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Deciding {
    /// `[account]`
    pub account: AccountSettings,
    /// `[bars]`
    pub bars: BarSettings,
    /// `[paper]`
    pub paper: PaperSettings,
    /// `[venues]`
    pub venues: VenueSettings,
    /// `[snapshots]`
    pub snapshots: SnapshotSettings,
    /// `[risk]`
    pub risk: Limits,
    /// `[strategies]`
    pub strategies: StrategySettings,
    /// `[instruments]`
    pub instruments: BTreeMap<String, InstrumentSettings>,
    /// The own rules of the venue that orders go to, asked of it before the run; sessions that were recorded before that have none.
    #[serde(default)]
    pub venue_rules: BTreeMap<String, venues::rules::Rules>,
    /// `[calendar]`; sessions that were recorded before there was one have none.
    #[serde(default)]
    pub calendar: CalendarSettings,
    /// The exchanges whose data comes in: what an empty list of instruments stands for.
    pub exchanges: Vec<Exchange>,
}

/// Reads `exchange:symbol`.
///
/// # Errors
/// What is wrong with the text, in words.
pub fn parse_instrument(text: &str) -> Result<Instrument, String> {
    let (exchange, symbol) = text
        .split_once(':')
        .ok_or_else(|| format!("`{text}` is not an instrument; expected exchange:symbol, as binance:BTCUSDT"))?;
    let exchange: Exchange = exchange.parse().map_err(|e| format!("`{text}`: {e}"))?;
    let symbol: Symbol = symbol.parse().map_err(|e| format!("`{text}`: {e}"))?;
    Ok(Instrument { exchange, symbol })
}

impl Deciding {
    /// The rules of every known instrument.
    ///
    /// # Errors
    /// A key that is no instrument, in words.
    pub fn rules(&self) -> Result<BTreeMap<Instrument, Rules>, String> {
        let rule = |(key, s): (&String, &InstrumentSettings)| {
            let instrument = parse_instrument(key).map_err(|e| format!("instruments: {e}"))?;
            let rules = Rules {
                instrument,
                base: s.base,
                quote: s.quote,
                price_step: s.price_step,
                quantity_step: s.quantity_step,
                min_quantity: s.min_quantity,
                max_quantity: s.max_quantity,
                min_notional: s.min_notional,
                sessions: s.sessions,
            };
            Ok((instrument, rules))
        };
        self.instruments.iter().map(rule).collect()
    }

    /// The own rules of the venue, by instrument.
    ///
    /// # Errors
    /// A key that is no instrument, in words.
    pub fn venue_rules(&self) -> Result<BTreeMap<Instrument, Arc<dyn VenueRules>>, String> {
        let rule = |(key, rules): (&String, &venues::rules::Rules)| {
            let rules: Arc<dyn VenueRules> = Arc::new(rules.clone());
            Ok((parse_instrument(key).map_err(|e| format!("venue_rules: {e}"))?, rules))
        };
        self.venue_rules.iter().map(rule).collect()
    }

    /// What a strategy trades: its list, or every known instrument of the exchanges that come in.
    ///
    /// # Errors
    /// An entry that is no instrument, in words.
    pub fn instruments_of(&self, run: &StrategyRun) -> Result<Vec<Instrument>, String> {
        if run.instruments.is_empty() {
            let known = self.rules()?;
            return Ok(known.into_keys().filter(|i| self.exchanges.contains(&i.exchange)).collect());
        }
        run.instruments.iter().map(|text| parse_instrument(text)).collect()
    }
}
