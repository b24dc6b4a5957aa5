//! The models of the paper venue: who stands before us, what it costs, how long it takes, how far the price slips.
//!
//! Four open traits, each with the ones that come with Merganser registered by name; a user's binary adds its own. A model is
//! asked where an order or a fill is at hand, never per tick of a market without orders.
//!
//! Invariant: a model knows the time and chance only by its arguments, so that the same input and seed give the same answers.

pub mod fees;
pub mod fills;
pub mod latency;
pub mod slippage;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::de::DeserializeOwned;

pub use crate::chance::SplitMix64;
pub use fees::{FeeModel, Filled};
pub use fills::{Change, FillModel};
pub use latency::LatencyModel;
pub use slippage::{SlippageModel, Take};

use crate::settings::{ModelSettings, PaperSettings};

type Parameters = serde_json::Map<String, serde_json::Value>;
type Factory<M> = Arc<dyn Fn(&Parameters) -> Result<Box<M>, String> + Send + Sync>;

/// Why a model cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Nobody registered the name.
    #[error("paper.{section}.model: there is no {what} model `{name}`; registered are {known}")]
    Unknown {
        /// The section of the settings.
        section: &'static str,
        /// What it models.
        what: &'static str,
        /// The name.
        name: String,
        /// All names.
        known: String,
    },
    /// Its parameters are not what it expects.
    #[error("paper.{section}.parameters: the parameters of the {what} model `{name}` are wrong: {why}")]
    Parameters {
        /// The section of the settings.
        section: &'static str,
        /// What it models.
        what: &'static str,
        /// The model.
        name: String,
        /// What is wrong.
        why: String,
    },
}

/// Models of one kind, by name.
struct Named<M: ?Sized> {
    what: &'static str,
    known: BTreeMap<String, Factory<M>>,
}

impl<M: ?Sized> Clone for Named<M> {
    fn clone(&self) -> Self {
        Self { what: self.what, known: self.known.clone() }
    }
}

impl<M: ?Sized> Named<M> {
    fn new(what: &'static str) -> Self {
        Self { what, known: BTreeMap::new() }
    }

    fn add<P: DeserializeOwned>(
        &mut self,
        name: &str,
        make: impl Fn(P) -> Result<Box<M>, String> + Send + Sync + 'static,
    ) {
        let factory: Factory<M> = Arc::new(move |parameters| {
            make(serde_json::from_value(serde_json::Value::Object(parameters.clone())).map_err(|e| e.to_string())?)
        });
        let taken = self.known.insert(name.to_owned(), factory).is_some();
        assert!(!taken, "{} model {name} is registered twice", self.what);
    }

    fn make(&self, section: &'static str, chosen: &ModelSettings) -> Result<Box<M>, Error> {
        let (what, name) = (self.what, &chosen.model);
        let factory = self.known.get(name).ok_or_else(|| {
            let known: Vec<&str> = self.known.keys().map(String::as_str).collect();
            Error::Unknown { section, what, name: name.clone(), known: known.join(", ") }
        })?;
        factory(&chosen.parameters).map_err(|why| Error::Parameters { section, what, name: name.clone(), why })
    }
}

/// Models by name.
#[derive(Clone)]
pub struct Models {
    fills: Named<dyn FillModel>,
    fees: Named<dyn FeeModel>,
    latencies: Named<dyn LatencyModel>,
    slippages: Named<dyn SlippageModel>,
}

impl Default for Models {
    fn default() -> Self {
        Self::shipped()
    }
}

impl std::fmt::Debug for Models {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { fills, fees, latencies, slippages } = self;
        let names = fills.known.keys().chain(fees.known.keys());
        f.debug_list().entries(names.chain(latencies.known.keys()).chain(slippages.known.keys())).finish()
    }
}

impl Models {
    /// The models that come with Merganser.
    #[must_use]
    pub fn shipped() -> Self {
        let mut models = Self {
            fills: Named::new("fill"),
            fees: Named::new("fee"),
            latencies: Named::new("latency"),
            slippages: Named::new("slippage"),
        };
        models.fill("shown", |_: fills::NoParameters| Ok(fills::Shown));
        models.fill("pessimistic", |_: fills::NoParameters| Ok(fills::Pessimistic));
        models.fill("prorated", |_: fills::NoParameters| Ok(fills::Prorated));
        models.fill("probabilistic", fills::Probabilistic::new);
        models.fill("front", |_: fills::NoParameters| Ok(fills::Front));
        models.fee("ppm", |p: fees::Ppm| Ok(p));
        models.fee("tiers", fees::Tiers::new);
        models.fee("per_unit", fees::PerUnit::new);
        models.latency("fixed", |p: latency::Fixed| Ok(p));
        models.latency("uniform", latency::Uniform::new);
        models.latency("log_normal", latency::LogNormal::new);
        models.latency("empirical", latency::Empirical::new);
        models.slippage("none", |_: fills::NoParameters| Ok(slippage::None));
        models.slippage("ppm", slippage::Ppm::new);
        models.slippage("impact", slippage::Impact::new);
        models
    }

    /// Adds a fill model under a name, for `paper.fills`. `make` gets its typed parameters and may refuse them in words.
    ///
    /// # Panics
    /// When the name is taken: a mistake in the program.
    pub fn fill<P: DeserializeOwned, M: FillModel + 'static>(
        &mut self,
        name: &str,
        make: impl Fn(P) -> Result<M, String> + Send + Sync + 'static,
    ) {
        self.fills.add(name, move |p| Ok(Box::new(make(p)?)));
    }

    /// Adds a fee model under a name, for `paper.fees`; as [`Self::fill`].
    ///
    /// # Panics
    /// When the name is taken: a mistake in the program.
    pub fn fee<P: DeserializeOwned, M: FeeModel + 'static>(
        &mut self,
        name: &str,
        make: impl Fn(P) -> Result<M, String> + Send + Sync + 'static,
    ) {
        self.fees.add(name, move |p| Ok(Box::new(make(p)?)));
    }

    /// Adds a latency model under a name, for `paper.to_venue` and `paper.to_us`; as [`Self::fill`].
    ///
    /// # Panics
    /// When the name is taken: a mistake in the program.
    pub fn latency<P: DeserializeOwned, M: LatencyModel + 'static>(
        &mut self,
        name: &str,
        make: impl Fn(P) -> Result<M, String> + Send + Sync + 'static,
    ) {
        self.latencies.add(name, move |p| Ok(Box::new(make(p)?)));
    }

    /// Adds a slippage model under a name, for `paper.slippage`; as [`Self::fill`].
    ///
    /// # Panics
    /// When the name is taken: a mistake in the program.
    pub fn slippage<P: DeserializeOwned, M: SlippageModel + 'static>(
        &mut self,
        name: &str,
        make: impl Fn(P) -> Result<M, String> + Send + Sync + 'static,
    ) {
        self.slippages.add(name, move |p| Ok(Box::new(make(p)?)));
    }

    /// Makes the models that the settings choose.
    ///
    /// # Errors
    /// A name that nobody registered, or parameters that its model refuses.
    pub fn choose(&self, settings: &PaperSettings) -> Result<Chosen, Error> {
        Ok(Chosen {
            fills: self.fills.make("fills", &settings.fills)?,
            fees: self.fees.make("fees", &settings.fees_with_rates())?,
            to_venue: self.latencies.make("to_venue", &settings.to_venue_with_latency())?,
            to_us: self.latencies.make("to_us", &settings.to_us)?,
            slippage: self.slippages.make("slippage", &settings.slippage)?,
        })
    }
}

/// The models of one venue.
pub struct Chosen {
    /// Who stands before us.
    pub fills: Box<dyn FillModel>,
    /// What a fill costs.
    pub fees: Box<dyn FeeModel>,
    /// How long a request travels.
    pub to_venue: Box<dyn LatencyModel>,
    /// How long a report travels.
    pub to_us: Box<dyn LatencyModel>,
    /// How far the price slips.
    pub slippage: Box<dyn SlippageModel>,
}

#[cfg(test)]
mod tests;
