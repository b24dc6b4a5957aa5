//! What a venue holds against an order beyond what it can do at all: its own rules of an instrument, asked of it before a run and
//! again while it goes on, and looked at by risk before an order is sent. Those from before the run are kept with what it is made
//! from, and what has changed since with what was handled.
//!
//! Invariant: what is not known (an average price that was not seen whole) is not judged here: then the venue judges.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use messages::instrument::{Calendar, Rules};
use messages::orders::OrderRequest;
use messages::risk::Refusal;
use messages::venues::ToldRules;
use messages::{Price, Quantity, UtcNanos};

/// The venue's own rules of one instrument.
pub trait VenueRules: fmt::Debug + Send + Sync {
    /// Whether the venue would take the order now.
    ///
    /// # Errors
    /// It would not; the refusal names the venue's rule, what was asked and what is allowed.
    fn check(&self, request: &OrderRequest, seen: &Seen, when: When<'_>) -> Result<(), Refusal>;

    /// Over how long the rules want prices to be averaged; zero for the last trade, `None` where no rule looks at prices.
    fn averages_over(&self) -> Option<Duration>;

    /// The rules of the instrument with the steps and sizes that these say.
    fn amend(&self, rules: &Rules) -> Rules;

    /// All that they say, by name: what is other later is found there, and told to people.
    fn as_value(&self) -> serde_json::Value;
}

/// Reads rules out of what a venue told.
pub type Read = fn(&ToldRules) -> Result<Arc<dyn VenueRules>, serde_json::Error>;

/// What the rules look at beside the order. The order itself, or what it takes the place of, is not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Seen {
    /// The mean price of the trades of [`VenueRules::averages_over`], by volume; `None` while it was not seen whole.
    pub average: Option<Price>,
    /// Open orders of the account in the instrument.
    pub open_orders: u32,
    /// Those of them with a trigger price.
    pub open_algo_orders: u32,
    /// Open orders of the account in all instruments.
    pub open_everywhere: u32,
    /// What the account holds of the instrument, signed, all strategies netted; `None` while unknown.
    pub position: Option<Quantity>,
    /// What its open buy orders may still add.
    pub open_buys: Quantity,
}

/// The time of an order, and when sessions are.
#[derive(Debug, Clone, Copy)]
pub struct When<'a> {
    /// The time.
    pub now: UtcNanos,
    /// When sessions are.
    pub calendar: &'a Calendar,
}
