//! Every way into the tree, and what goes through each. Made before the tree is, and filled as its actors begin.

use std::collections::BTreeMap;

use messages::StrategyId;

use crate::feeds::live::LiveFeed;
use crate::ports::{
    Port, ToAlerts, ToFeed, ToMarket, ToMigration, ToOrders, ToPositions, ToStrategy, ToTelemetry, ToVenue, Wake,
};
use crate::traffic::{Places, Traffic};

/// Every way into the tree.
#[derive(Clone)]
pub(crate) struct Ports {
    pub market: Port<ToMarket>,
    pub orders: Port<ToOrders>,
    pub orders_wake: Port<Wake>,
    pub positions: Port<ToPositions>,
    pub positions_wake: Port<Wake>,
    pub venue: Port<ToVenue>,
    pub venue_wake: Port<Wake>,
    pub strategies: BTreeMap<StrategyId, Port<ToStrategy>>,
    pub telemetry: Port<ToTelemetry>,
    pub alerts: Port<ToAlerts>,
    pub migration: Port<ToMigration>,
    /// By the names of the live feeds.
    pub feeds: BTreeMap<String, Port<ToFeed>>,
    /// Of those whom nobody sends anything.
    pub root: Traffic,
    pub snapshots: Traffic,
    pub archive: Traffic,
}

impl Ports {
    /// To places in which nobody is yet.
    pub fn new(strategies: &[StrategyId], feeds: &[LiveFeed]) -> Self {
        let (orders, positions, venue) = (Port::default(), Port::default(), Port::default());
        Self {
            market: Port::default(),
            // One actor, two kinds of messages.
            orders_wake: Port::to_place(Port::<ToOrders>::traffic(&orders)),
            positions_wake: Port::to_place(Port::<ToPositions>::traffic(&positions)),
            venue_wake: Port::to_place(Port::<ToVenue>::traffic(&venue)),
            orders,
            positions,
            venue,
            strategies: strategies.iter().map(|name| (*name, Port::default())).collect(),
            telemetry: Port::default(),
            alerts: Port::default(),
            migration: Port::default(),
            feeds: feeds.iter().map(|feed| (feed.name.clone(), Port::default())).collect(),
            root: Traffic::default(),
            snapshots: Traffic::default(),
            archive: Traffic::default(),
        }
    }

    /// Every place in the tree.
    pub fn places(&self) -> Places {
        let mut places = Places::default();
        places.add("root", "root", &self.root);
        places.add("market", "market", self.market.traffic());
        places.add("orders", "orders", self.orders.traffic());
        places.add("positions", "positions", self.positions.traffic());
        places.add("venue", "venue", self.venue.traffic());
        self.strategies.iter().for_each(|(name, port)| places.add("strategy", name.as_str(), port.traffic()));
        places.add("snapshots", "snapshots", &self.snapshots);
        places.add("archive", "archive", &self.archive);
        places.add("telemetry", "telemetry", self.telemetry.traffic());
        places.add("alerts", "alerts", self.alerts.traffic());
        places.add("migration", "migration", self.migration.traffic());
        self.feeds.iter().for_each(|(name, port)| places.add("feed", name, port.traffic()));
        places
    }
}
