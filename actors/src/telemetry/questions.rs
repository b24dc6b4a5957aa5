//! The questions of a sample: to all actors at once, so that one that hangs delays no answer of the others, and all of
//! them together take no longer than one may.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::join_all;
use messages::snapshots::Snapshot;
use messages::{Cash, StrategyId};
use ractor::RpcReplyPort;
use storage::recent::{Recent, Spread};

use super::Asked;
use crate::clock::Clock;
use crate::ports::{
    AlertCounts, FeedStatus, MarketStatus, OrdersStatus, StrategyStatus, ToAlerts, ToFeed, ToMarket, ToOrders,
    ToPositions, ToStrategy, ToVenue, VenueStatus,
};
use crate::runtime::ask_within;
use crate::traffic::label;

/// How long an actor may take to answer: far beyond what is healthy, well below how often it is asked.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);

/// What was answered in time.
pub struct Answers {
    pub market: Option<MarketStatus>,
    pub orders: Option<OrdersStatus>,
    /// With the highest that the account was worth.
    pub portfolio: Option<(Box<Snapshot>, Option<Cash>)>,
    /// Of a venue outside.
    pub venue: Option<VenueStatus>,
    pub feeds: Vec<FeedStatus>,
    pub strategies: Vec<StrategyStatus>,
    pub alerts: Option<AlertCounts>,
}

/// How each actor has answered so far.
pub struct Questions {
    wall: Clock,
    asked: BTreeMap<String, History>,
}

/// How one has.
#[derive(Default)]
struct History {
    took: Recent,
    missed: u64,
}

/// An answer, and how long it took.
type Answer<T> = (Option<T>, Duration);

impl Questions {
    /// Nobody was asked yet.
    pub fn new(wall: Clock) -> Self {
        Self { wall, asked: BTreeMap::new() }
    }

    /// Missed answers of each actor, and how long the newest took.
    pub fn answers(&self) -> impl Iterator<Item = (&str, u64, Option<Spread>)> {
        self.asked.iter().map(|(actor, history)| (actor.as_str(), history.missed, history.took.spread()))
    }

    /// Asks all of them.
    pub async fn ask(&mut self, asked: &Asked) -> Answers {
        let wall = self.wall.clone();
        let market = timed(&wall, |reply| asked.market.cast(ToMarket::Status(reply)));
        let orders = timed(&wall, |reply| asked.orders.cast(ToOrders::Status(reply)));
        let portfolio = timed(&wall, |reply| asked.positions.cast(ToPositions::Status(reply)));
        let highest = timed(&wall, |reply| asked.positions.cast(ToPositions::Highest(reply)));
        let venue = timed(&wall, |reply| asked.venue.cast(ToVenue::Status(reply)));
        let alerts = timed(&wall, |reply| asked.alerts.cast(ToAlerts::Status(reply)));
        let feeds = asked.feeds.values().map(|port| timed(&wall, |reply| port.cast(ToFeed::Status(reply))));
        let strategies =
            asked.strategies.values().map(|port| timed(&wall, |reply| port.cast(ToStrategy::Status(reply))));
        let (market, orders, portfolio, highest, venue, alerts, feeds, strategies) =
            tokio::join!(market, orders, portfolio, highest, venue, alerts, join_all(feeds), join_all(strategies));
        let feeds = asked.feeds.keys().map(String::as_str).zip(feeds);
        let strategies = asked.strategies.keys().map(StrategyId::as_str).zip(strategies);
        Answers {
            market: self.note("market", market),
            orders: self.note("orders", orders),
            portfolio: self.note("positions", portfolio).map(|snapshot| (snapshot, highest.0.flatten())),
            venue: self.note("venue", venue).flatten(),
            feeds: feeds.filter_map(|(name, answer)| self.note(&label("feed", name), answer)).map(|s| *s).collect(),
            strategies: strategies.filter_map(|(name, answer)| self.note(&label("strategy", name), answer)).collect(),
            alerts: self.note("alerts", alerts),
        }
    }

    fn note<T>(&mut self, actor: &str, (answer, took): Answer<T>) -> Option<T> {
        let history = self.asked.entry(actor.to_owned()).or_default();
        match answer {
            Some(_) => history.took.push(took),
            None => history.missed += 1,
        }
        answer
    }
}

async fn timed<T: Send + 'static>(wall: &Clock, send: impl FnOnce(RpcReplyPort<T>) -> bool) -> Answer<T> {
    let began = wall.now();
    let answer = ask_within(ANSWER_WITHIN, send).await;
    (answer, Duration::from_nanos(u64::try_from(wall.now().since(began)).unwrap_or_default()))
}
