//! The own rules of the venues that we know, of one instrument each: what a run was made with, and what risk holds against orders.

use std::time::Duration;

use messages::orders::OrderRequest;
use messages::risk::Refusal;
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
}

impl VenueRules for Rules {
    fn check(&self, request: &OrderRequest, seen: &Seen, when: When<'_>) -> Result<(), Refusal> {
        self.own().check(request, seen, when)
    }

    fn averages_over(&self) -> Option<Duration> {
        self.own().averages_over()
    }
}
