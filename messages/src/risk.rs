//! Risk: the trading state and the verdicts of the rules.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::Reason;

/// What may be traded at all. Survives a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum TradingState {
    /// Everything.
    Active,
    /// Only what makes positions smaller.
    Reducing,
    /// Nothing; cancels go through.
    Halted,
}

impl fmt::Display for TradingState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Active => "ACTIVE",
            Self::Reducing => "REDUCING",
            Self::Halted => "HALTED",
        })
    }
}

/// A change of the trading state, with who asked and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateChange {
    /// The new state.
    pub state: TradingState,
    /// Who: `manual`, or the part of the runtime.
    pub by: String,
    /// Why.
    pub why: String,
}

/// A refusal by a rule: a value, not an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The stable code.
    pub reason: Reason,
    /// What was asked, what was allowed.
    pub text: String,
}
