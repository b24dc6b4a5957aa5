//! The own rules of the venues that we know, of one instrument each: what a run was made with, and what risk holds against orders.

use std::sync::Arc;
use std::time::Duration;

use messages::instrument;
use messages::orders::OrderRequest;
use messages::risk::Refusal;
use messages::venues::ToldRules;
use serde::{Deserialize, Serialize};

use super::binance::filters::Filters;
use crate::venue_rules::{Seen, VenueRules, When};
use crate::wire::alpaca::asset::Listed;

/// A venue's own rules of one instrument, as it told them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rules {
    /// Of Binance: the filters of the symbol.
    Binance(Box<Filters>),
    /// Of Alpaca: the asset.
    Alpaca(Box<Listed>),
}

impl Rules {
    fn own(&self) -> &dyn VenueRules {
        match self {
            Self::Binance(filters) => filters.as_ref(),
            Self::Alpaca(listed) => listed.as_ref(),
        }
    }

    /// As a connector tells them; [`read`] reads it.
    #[must_use]
    pub fn told(&self) -> ToldRules {
        let instrument = match self {
            Self::Binance(filters) => filters.instrument,
            Self::Alpaca(listed) => listed.rules.instrument,
        };
        ToldRules { instrument, text: serde_json::to_string(self).expect("plain data is written into memory") }
    }
}

/// Reads what a connector told.
///
/// # Errors
/// It is of no venue that we know.
pub fn read(told: &ToldRules) -> Result<Arc<dyn VenueRules>, serde_json::Error> {
    let rules: Rules = serde_json::from_str(&told.text)?;
    Ok(Arc::new(rules))
}

impl VenueRules for Rules {
    fn check(&self, request: &OrderRequest, seen: &Seen, when: When<'_>) -> Result<(), Refusal> {
        self.own().check(request, seen, when)
    }

    fn averages_over(&self) -> Option<Duration> {
        self.own().averages_over()
    }

    fn amend(&self, rules: &instrument::Rules) -> instrument::Rules {
        self.own().amend(rules)
    }

    fn as_value(&self) -> serde_json::Value {
        self.own().as_value()
    }
}
