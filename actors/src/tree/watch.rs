//! Those who look on: telemetry, which takes samples, and alerts, which watches them.

use std::path::{Path, PathBuf};

use messages::alerts::Alert;
use ractor::{ActorProcessingErr, ActorRef};

use super::{ToRoot, Tree, spawn};
use crate::alerts::{self, AlertsActor};
use crate::policy::Child;
use crate::telemetry::{self, Asked, TelemetryActor};
use crate::traffic::label;

impl Tree {
    /// Starts the alerts, with those that the ledger says are open.
    pub(super) async fn start_alerts(
        &mut self,
        me: &ActorRef<ToRoot>,
        open: Vec<Alert>,
    ) -> Result<(), ActorProcessingErr> {
        let arguments = alerts::Arguments {
            settings: self.alerts.clone(),
            instance: self.instance.clone(),
            open,
            ledger: self.ledger.clone(),
            board: self.board.clone(),
            wall: self.wall.clone(),
        };
        let actor = spawn(AlertsActor, self.ports.alerts.traffic(), arguments, me).await?;
        self.children.insert(actor.get_id(), (Child::Alerts, None));
        self.ports.alerts.fill(actor);
        Ok(())
    }

    /// Starts telemetry over everybody.
    pub(super) async fn start_telemetry(&mut self, me: &ActorRef<ToRoot>) -> Result<(), ActorProcessingErr> {
        let core = [("orders", &self.channels.orders), ("positions", &self.channels.positions)];
        let core = core.into_iter().chain([("venue", &self.channels.venue)]);
        let queues = core.map(|(name, (_, inlet))| (name.to_owned(), inlet.clone()));
        let listeners =
            self.listeners.iter().map(|(name, (_, inlet))| (label("strategy", name.as_str()), inlet.clone()));
        let ports = &self.ports;
        let asked = Asked {
            market: ports.market.clone(),
            orders: ports.orders.clone(),
            positions: ports.positions.clone(),
            alerts: ports.alerts.clone(),
            strategies: ports.strategies.clone(),
            feeds: ports.feeds.clone(),
        };
        let arguments = telemetry::Arguments {
            every: self.telemetry_every,
            asked,
            places: ports.places(),
            queues: queues.chain(listeners).collect(),
            ledger: (self.ledger.clone(), self.applied.0.clone()),
            journal: (self.journal.clone(), self.applied.1.clone()),
            archive: self.archive.0.clone(),
            database: self.database.clone(),
            folders: self.folders(),
            file: self.plan_paths.database.clone(),
            edge: self.edge.clone(),
            sender: self.telemetry.clone(),
            wall: self.wall.clone(),
        };
        let actor = spawn(TelemetryActor, self.ports.telemetry.traffic(), arguments, me).await?;
        self.children.insert(actor.get_id(), (Child::Telemetry, None));
        self.ports.telemetry.fill(actor);
        Ok(())
    }

    /// The folders whose disks may fill: a ledger elsewhere may have a disk of its own.
    fn folders(&self) -> Vec<(&'static str, PathBuf)> {
        let paths = &self.plan_paths;
        let elsewhere = |folder: &Path| !folder.starts_with(&paths.root);
        let ledger = Some(("ledger", paths.ledger.clone())).filter(|(_, folder)| elsewhere(folder));
        std::iter::once(("data", paths.root.clone())).chain(ledger).collect()
    }
}
