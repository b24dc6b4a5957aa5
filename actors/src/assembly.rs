//! From settings to states: the one place where every deciding state is made, live and in a backtest.

use std::collections::BTreeMap;

use messages::ids::ClientOrderIds;
use messages::instrument::Rules;
use messages::ledger::LedgerRecord;
use messages::venues::Capabilities;
use messages::{Instrument, StrategyId};

use crate::market;
use crate::orders::state::{self as orders, Orders};
use crate::positions::state::{self as positions, Positions};
use crate::settings::{Deciding, StrategyRun};
use crate::strategies::host::Host;
use crate::strategies::registry::{Registry, Setup};
use crate::venues::paper::models::{self, Models};
use crate::venues::paper::state::{self as paper, Paper};

/// Why the states cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Settings that say what cannot be.
    #[error("{0}")]
    Settings(String),
    /// A strategy that cannot be made.
    #[error("strategies.run.{name}")]
    Strategy {
        /// Its name.
        name: StrategyId,
        /// Why.
        source: crate::strategies::registry::Error,
    },
    /// A model of the paper venue that cannot be made.
    #[error(transparent)]
    Model(#[from] models::Error),
}

/// Makes states from settings.
#[derive(Debug, Clone)]
pub struct Assembly {
    deciding: Deciding,
    rules: BTreeMap<Instrument, Rules>,
    instance: String,
    epoch: u64,
    seed: u64,
    venue: Capabilities,
    models: Models,
}

impl Assembly {
    /// For one start of one instance.
    ///
    /// # Errors
    /// An instrument's key that cannot be read.
    pub fn new(deciding: Deciding, instance: &str, epoch: u64, seed: u64) -> Result<Self, Error> {
        let rules = deciding.rules().map_err(Error::Settings)?;
        let (instance, models) = (instance.to_owned(), Models::shipped());
        Ok(Self { deciding, rules, instance, epoch, seed, venue: paper::CAPABILITIES, models })
    }

    /// Orders go to a venue that can do this, instead of the paper venue.
    #[must_use]
    pub fn with(self, venue: Capabilities) -> Self {
        Self { venue, ..self }
    }

    /// The paper venue chooses from these models, instead of those that come with Merganser.
    #[must_use]
    pub fn with_models(self, models: Models) -> Self {
        Self { models, ..self }
    }

    /// The settings that decide.
    #[must_use]
    pub fn deciding(&self) -> &Deciding {
        &self.deciding
    }

    /// The start's number.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The rules of every instrument.
    #[must_use]
    pub fn rules(&self) -> &BTreeMap<Instrument, Rules> {
        &self.rules
    }

    /// The record of these rules that every start writes behind its own.
    #[must_use]
    pub fn instruments(&self) -> LedgerRecord {
        LedgerRecord::Instruments(self.rules.values().cloned().collect())
    }

    /// The market.
    #[must_use]
    pub fn market(&self) -> market::state::Market {
        let bars = &self.deciding.bars;
        market::state::Market::new(market::state::Settings { bars: bars.timeframes.clone(), lateness: bars.lateness })
    }

    /// The paper venue.
    ///
    /// # Errors
    /// A model that nobody registered or that refuses its parameters, or a halt that is none.
    pub fn paper(&self) -> Result<Paper, Error> {
        let (account, paper) = (&self.deciding.account, &self.deciding.paper);
        let settings = paper::Settings {
            account: account.name,
            deposit: Some((account.currency, account.deposit)),
            rules: self.rules.clone(),
            calendar: self.deciding.calendar.calendar(),
            paper: paper.clone(),
            seed: self.seed,
        };
        Paper::new(settings, self.models.choose(paper)?).map_err(Error::Settings)
    }

    /// Orders and risk; the orders of every exchange that the venue trades go to it.
    ///
    /// # Errors
    /// The instance's name cannot be part of client order ids.
    pub fn orders(&self) -> Result<Orders, Error> {
        let ids = ClientOrderIds::new(&self.instance, self.epoch)
            .map_err(|e| Error::Settings(format!("instance.name: {e}")))?;
        let venues = &self.deciding.venues;
        let settings = orders::Settings {
            account: self.deciding.account.name,
            kind: self.deciding.account.kind,
            currency: self.deciding.account.currency,
            account_day: self.deciding.calendar.account_day,
            calendar: self.deciding.calendar.calendar(),
            limits: self.deciding.risk.clone(),
            rules: self.rules.clone(),
            venue_rules: self.deciding.venue_rules().map_err(Error::Settings)?,
            read_rules: crate::venues::rules::read,
            rules_every: venues.rules_every,
            venues: self.venue.exchanges.iter().map(|e| (*e, self.venue)).collect(),
            query_after: venues.query_after,
            not_received_after: venues.lost_after(&self.venue),
            reconcile_every: venues.reconcile_every,
            foreign_orders: venues.foreign_orders,
        };
        Ok(Orders::new(settings, ids))
    }

    /// Positions and balances.
    #[must_use]
    pub fn positions(&self) -> Positions {
        Positions::new(positions::Settings {
            account: self.deciding.account.name,
            currency: self.deciding.account.currency,
            rules: self.rules.clone(),
        })
    }

    /// One strategy in its `generation`.
    ///
    /// # Errors
    /// Nobody registered it, or its instruments or parameters are wrong.
    pub fn host(
        &self,
        registry: &Registry,
        name: StrategyId,
        run: &StrategyRun,
        generation: u32,
    ) -> Result<Host, Error> {
        let in_section = |e| Error::Settings(format!("strategies.run.{name}.instruments: {e}"));
        let instruments = self.deciding.instruments_of(run).map_err(in_section)?;
        let setup = Setup { instruments, parameters: run.parameters.clone() };
        let strategy =
            registry.make(run.strategy.unwrap_or(name), &setup).map_err(|source| Error::Strategy { name, source })?;
        Ok(Host::new(name, generation, strategy, self.seed, self.rules.clone(), run.on_stop))
    }

    /// All strategies of the settings, in their first generation.
    ///
    /// # Errors
    /// One of them cannot be made.
    pub fn hosts(&self, registry: &Registry) -> Result<Vec<Host>, Error> {
        self.deciding.strategies.run.iter().map(|(name, run)| self.host(registry, *name, run, 0)).collect()
    }
}
