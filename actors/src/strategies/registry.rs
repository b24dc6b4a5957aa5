//! The registry: strategies by name, each made from typed parameters.

use std::collections::BTreeMap;

use messages::{Instrument, StrategyId};
use serde::de::DeserializeOwned;

use super::api::Strategy;
use super::shipped::{bollinger_reversion, ema_cross, market_maker};

/// Why a strategy could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody registered the name.
    #[error("there is no strategy `{name}`; registered are {known}")]
    Unknown {
        /// The name.
        name: String,
        /// All names.
        known: String,
    },
    /// Its parameters are not what it expects.
    #[error("the parameters of strategy `{name}` are wrong: {why}")]
    Parameters {
        /// The strategy.
        name: String,
        /// What is wrong.
        why: String,
    },
}

/// What a strategy is made from.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The instruments that it is to trade.
    pub instruments: Vec<Instrument>,
    /// Its parameters, as its own type reads them.
    pub parameters: serde_json::Map<String, serde_json::Value>,
}

type Factory = Box<dyn Fn(&Setup) -> Result<Box<dyn Strategy>, String> + Send + Sync>;

/// Strategies by name.
#[derive(Default)]
pub struct Registry(BTreeMap<StrategyId, Factory>);

impl Registry {
    /// The strategies that come with Merganser.
    #[must_use]
    pub fn shipped() -> Self {
        let mut registry = Self::default();
        registry.add("ema_cross", ema_cross::EmaCross::new);
        registry.add("bollinger_reversion", bollinger_reversion::BollingerReversion::new);
        registry.add("market_maker", market_maker::MarketMaker::new);
        registry
    }

    /// Adds a strategy under a name. `make` gets its instruments and its typed parameters, and may refuse them in words.
    ///
    /// # Panics
    /// When the name is no strategy name or is taken: a mistake in the program.
    pub fn add<P, S>(
        &mut self,
        name: &str,
        make: impl Fn(Vec<Instrument>, P) -> Result<S, String> + Send + Sync + 'static,
    ) where
        P: DeserializeOwned,
        S: Strategy + 'static,
    {
        let name: StrategyId = name.parse().expect("a strategy name");
        let factory = move |setup: &Setup| {
            let parameters = serde_json::Value::Object(setup.parameters.clone());
            let parameters: P = serde_json::from_value(parameters).map_err(|e| e.to_string())?;
            let made: Box<dyn Strategy> = Box::new(make(setup.instruments.clone(), parameters)?);
            Ok(made)
        };
        assert!(self.0.insert(name, Box::new(factory)).is_none(), "strategy {name} is registered twice");
    }

    /// Makes a strategy.
    ///
    /// # Errors
    /// Nobody registered the name, or its parameters are wrong.
    pub fn make(&self, name: StrategyId, setup: &Setup) -> Result<Box<dyn Strategy>, Error> {
        let factory = self.0.get(&name).ok_or_else(|| {
            let known: Vec<&str> = self.0.keys().map(StrategyId::as_str).collect();
            Error::Unknown { name: name.to_string(), known: known.join(", ") }
        })?;
        factory(setup).map_err(|why| Error::Parameters { name: name.to_string(), why })
    }

    /// All names.
    pub fn names(&self) -> impl Iterator<Item = StrategyId> {
        self.0.keys().copied()
    }
}
