//! Venues: where orders go. One inside the process, [`paper`]; those outside behind the [`gateway`],
//! each reached by a [`Connector`] that is registered under a name.

pub mod alpaca;
pub mod binance;
pub mod gateway;
mod notes;
pub mod paper;
pub mod place;
pub mod rules;

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use messages::Account;
use messages::account::AccountSnapshot;
use messages::venues::{Capabilities, ToldRules, VenueNote, VenueReport, VenueRequest};
use serde::de::DeserializeOwned;

use crate::settings::VenueSettings;
use paper::models::Models;
use place::Place;

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
    /// By which rules of its own it trades, as it was asked, or as a refusal made it worth asking.
    Rules(Vec<ToldRules>),
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
/// one snapshot, after the reports of what happened before it, as far as it can be told. Who told its rules before the run
/// answers `Rules` with those that it can learn.
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
type Parameters = serde_json::Map<String, serde_json::Value>;
type Factory = Box<dyn Fn(Account, &Parameters) -> Result<(Option<Place>, Make), String> + Send + Sync>;

/// A venue outside of the process, ready to be reached.
#[derive(Clone)]
pub struct Remote {
    /// Its name.
    pub name: String,
    /// What it can do.
    pub capabilities: Capabilities,
    /// Where its orders go; `None` where it does not say.
    pub place: Option<Place>,
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

    /// Where exactly orders go; `None` where the venue does not say.
    #[must_use]
    pub fn place(&self) -> Option<Place> {
        match self {
            Self::Paper => Some(Place { profile: PAPER, is_live: false }),
            Self::Remote(remote) => remote.place,
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
    /// An order would be taken for lost that may still arrive.
    #[error(
        "venues.not_received_after: {} is shorter than {}, for which a request may be on its way at venue `{name}`; give that or \
         more, or 0s for what the venue needs",
        crate::durations::format(*given),
        crate::durations::format(*needed)
    )]
    TooSoon {
        /// The venue.
        name: String,
        /// The setting.
        given: Duration,
        /// What the venue needs.
        needed: Duration,
    },
    /// Nothing would be asked before it counts as lost.
    #[error(
        "venues.query_after: {} is longer than {}, after which venue `{name}` has not received an order",
        crate::durations::format(*query_after),
        crate::durations::format(*lost)
    )]
    TooLate {
        /// The venue.
        name: String,
        /// The setting.
        query_after: Duration,
        /// What the other setting or the venue says.
        lost: Duration,
    },
}

/// Venues outside of the process, and the models of the one inside, by name.
#[derive(Default)]
pub struct Venues {
    outside: BTreeMap<String, (Capabilities, Factory)>,
    models: Models,
}

impl Venues {
    /// Adds a venue under a name. `make` gets its typed parameters each time that it is to be reached, and once before a run.
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
        let factory = move |_, parameters: &Parameters| Ok((None, maker(read::<P>(parameters)?, make.clone())));
        self.insert(name, capabilities, Box::new(factory));
    }

    /// The same for one that has several worlds: `place` says to which of them the parameters lead, and refuses those that
    /// contradict themselves. The account's name is put into the parameters as `account`.
    ///
    /// # Panics
    /// When the name is taken: a mistake in the program.
    pub fn add_placed<P, C>(
        &mut self,
        name: &str,
        capabilities: Capabilities,
        place: impl Fn(&P) -> Result<Place, String> + Send + Sync + 'static,
        make: impl Fn(P) -> Result<C, String> + Send + Sync + 'static,
    ) where
        P: DeserializeOwned + Clone + Send + Sync + 'static,
        C: Connector + 'static,
    {
        let make = Arc::new(make);
        let factory = move |account: Account, parameters: &Parameters| {
            let parameters: P = read(&with_account(parameters, account)?)?;
            Ok((Some(place(&parameters)?), maker(parameters, make.clone())))
        };
        self.insert(name, capabilities, Box::new(factory));
    }

    fn insert(&mut self, name: &str, capabilities: Capabilities, factory: Factory) {
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

    /// Where the orders of an account go, by the settings.
    ///
    /// # Errors
    /// Nobody registered the name, its parameters are wrong, or a wait is not what the venue needs.
    pub fn route(&self, account: Account, settings: &VenueSettings) -> Result<Route, Error> {
        let name = settings.orders_to.clone();
        let route = if name == PAPER { Route::Paper } else { self.remote(name.clone(), account, settings)? };
        let needed = route.capabilities().not_received_after;
        let (query_after, lost) = (settings.query_after, settings.lost_after(&route.capabilities()));
        // The venue inside answers always: it needs none of its wait.
        if lost < needed && !matches!(route, Route::Paper) {
            return Err(Error::TooSoon { name, given: lost, needed });
        }
        if query_after > lost {
            return Err(Error::TooLate { name, query_after, lost });
        }
        Ok(route)
    }

    fn remote(&self, name: String, account: Account, settings: &VenueSettings) -> Result<Route, Error> {
        let Some((capabilities, factory)) = self.outside.get(&name) else {
            let known: Vec<&str> = std::iter::once(PAPER).chain(self.outside.keys().map(String::as_str)).collect();
            return Err(Error::Unknown { name, known: known.join(", ") });
        };
        match factory(account, &settings.parameters) {
            Ok((place, make)) => Ok(Route::Remote(Remote { name, capabilities: *capabilities, place, make })),
            Err(why) => Err(Error::Parameters { name, why }),
        }
    }
}

/// The parameters of a venue that has several worlds, with the account's name among them.
///
/// # Errors
/// They are not what the venue expects, in words.
pub fn parameters<P: DeserializeOwned>(account: Account, settings: &VenueSettings) -> Result<P, String> {
    read(&with_account(&settings.parameters, account)?)
}

fn read<P: DeserializeOwned>(parameters: &Parameters) -> Result<P, String> {
    serde_json::from_value(serde_json::Value::Object(parameters.clone())).map_err(|e| e.to_string())
}

fn with_account(parameters: &Parameters, account: Account) -> Result<Parameters, String> {
    let mut parameters = parameters.clone();
    match parameters.insert("account".to_owned(), account.as_str().into()) {
        Some(said) if said.as_str() != Some(account.as_str()) => {
            Err(format!("account = {said} is not the account's name, {account}; leave it out"))
        }
        _ => Ok(parameters),
    }
}

fn maker<P, C>(parameters: P, make: Arc<impl Fn(P) -> Result<C, String> + Send + Sync + 'static>) -> Make
where
    P: Clone + Send + Sync + 'static,
    C: Connector + 'static,
{
    Arc::new(move || {
        let connector: Box<dyn Connector> = Box::new(make(parameters.clone())?);
        Ok(connector)
    })
}

#[cfg(test)]
mod tests;
