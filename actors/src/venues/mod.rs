//! Venues: where orders go. One inside the process, [`paper`]; those outside behind the [`gateway`],
//! each reached by a [`Connector`] that is registered under a name.

pub mod alpaca;
pub mod binance;
pub mod gateway;
mod notes;
pub mod paper;

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;

use messages::account::AccountSnapshot;
use messages::venues::{Capabilities, VenueNote, VenueReport, VenueRequest};
use serde::de::DeserializeOwned;

use paper::models::Models;

/// The venue inside of the process, by the name that `venues.orders_to` gives it.
pub const PAPER: &str = "paper";

/// What a connector says.
#[derive(Debug)]
pub enum FromVenue {
    /// The venue is reached, for the first time or again. What it did meanwhile is asked for by our own ids.
    Connected,
    /// The venue is not reached, and why. Requests are not kept for later: an order that arrives late is none that
    /// anybody wants, and what became of it is asked for.
    Disconnected(String),
    /// What it reports, in its order.
    Reports(Vec<VenueReport>),
    /// What the account holds, as it was asked for.
    Account(Box<AccountSnapshot>),
    /// What a person must know and no report says. Said as often as it happens: the gateway tells it within bounds.
    Note(VenueNote),
}

/// How a connector speaks to the gateway. Never waits.
pub type Say = Arc<dyn Fn(FromVenue) + Send + Sync>;

/// Speaks the protocol of a venue outside of the process.
///
/// Contract: a request is written at most once; `Submitted` is reported when it has left; a repeated report
/// is harmless, a lost one is found by a `Query`, which the venue answers with every fill of the order, its
/// terms and its end, or with `Unknown`. Who can say what the account holds (`Capabilities::account`) answers an `Account` with
/// one snapshot, after the reports of what happened before it, as far as it can be told.
pub trait Connector: Send {
    /// Works until `requests` is closed, over as many connections as it takes. When it ends by itself or
    /// panics it is made again after a back-off.
    fn run(
        self: Box<Self>,
        requests: flume::Receiver<VenueRequest>,
        say: Say,
    ) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}

type Make = Arc<dyn Fn() -> Result<Box<dyn Connector>, String> + Send + Sync>;
type Factory = Box<dyn Fn(&serde_json::Map<String, serde_json::Value>) -> Result<Make, String> + Send + Sync>;

/// A venue outside of the process, ready to be reached.
#[derive(Clone)]
pub struct Remote {
    /// Its name.
    pub name: String,
    /// What it can do.
    pub capabilities: Capabilities,
    /// Makes a connector to it.
    pub make: Make,
}

/// Where the orders of a run go.
#[derive(Clone)]
pub enum Route {
    /// To the paper venue.
    Paper,
    /// To a venue outside.
    Remote(Remote),
}

impl Route {
    /// What the venue can do.
    #[must_use]
    pub fn capabilities(&self) -> Capabilities {
        match self {
            Self::Paper => paper::state::CAPABILITIES,
            Self::Remote(remote) => remote.capabilities,
        }
    }
}

/// Why orders have nowhere to go.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody registered the name.
    #[error("venues.orders_to: there is no venue `{name}`; registered are {known}")]
    Unknown {
        /// The name.
        name: String,
        /// All names.
        known: String,
    },
    /// Its parameters are not what it expects.
    #[error("venues.parameters: the parameters of venue `{name}` are wrong: {why}")]
    Parameters {
        /// The venue.
        name: String,
        /// What is wrong.
        why: String,
    },
}

/// Venues outside of the process, and the models of the one inside, by name.
#[derive(Default)]
pub struct Venues {
    outside: BTreeMap<String, (Capabilities, Factory)>,
    models: Models,
}

impl Venues {
    /// Adds a venue under a name. `make` gets its typed parameters each time that it is to be reached.
    ///
    /// # Panics
    /// When the name is taken: a mistake in the program.
    pub fn add<P, C>(
        &mut self,
        name: &str,
        capabilities: Capabilities,
        make: impl Fn(P) -> Result<C, String> + Send + Sync + 'static,
    ) where
        P: DeserializeOwned + Clone + Send + Sync + 'static,
        C: Connector + 'static,
    {
        let make = Arc::new(make);
        let factory: Factory = Box::new(move |parameters| {
            let parameters: P =
                serde_json::from_value(serde_json::Value::Object(parameters.clone())).map_err(|e| e.to_string())?;
            let make = make.clone();
            let again: Make = Arc::new(move || {
                let connector: Box<dyn Connector> = Box::new(make(parameters.clone())?);
                Ok(connector)
            });
            Ok(again)
        });
        let fresh = name != PAPER && self.outside.insert(name.to_owned(), (capabilities, factory)).is_none();
        assert!(fresh, "venue {name} is registered twice");
    }

    /// The models of the paper venue.
    #[must_use]
    pub fn models(&self) -> &Models {
        &self.models
    }

    /// The models of the paper venue, to add to.
    pub fn models_mut(&mut self) -> &mut Models {
        &mut self.models
    }

    /// Where orders go, by the settings.
    ///
    /// # Errors
    /// Nobody registered the name, or its parameters are wrong.
    pub fn route(&self, name: &str, parameters: &serde_json::Map<String, serde_json::Value>) -> Result<Route, Error> {
        if name == PAPER {
            return Ok(Route::Paper);
        }
        let (capabilities, factory) = self.outside.get(name).ok_or_else(|| {
            let known: Vec<&str> = std::iter::once(PAPER).chain(self.outside.keys().map(String::as_str)).collect();
            Error::Unknown { name: name.to_owned(), known: known.join(", ") }
        })?;
        let wrong = |why| Error::Parameters { name: name.to_owned(), why };
        let make = factory(parameters).map_err(wrong)?;
        Ok(Route::Remote(Remote { name: name.to_owned(), capabilities: *capabilities, make }))
    }
}
