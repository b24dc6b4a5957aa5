//! Those who look on: telemetry, which takes samples, and alerts, which watches them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use messages::alerts::{Alert, Rule};
use ractor::{ActorProcessingErr, ActorRef};

use super::{ToRoot, Tree, spawn};
use crate::alerts::{self, AlertsActor, Subjects};
use crate::bulk::Inlet;
use crate::policy::Child;
use crate::telemetry::{self, Asked, JOURNALS, TelemetryActor};
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
            subjects: self.subjects(),
            sampled_every: self.telemetry_every,
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
        let ports = &self.ports;
        let asked = Asked {
            market: ports.market.clone(),
            orders: ports.orders.clone(),
            positions: ports.positions.clone(),
            venue: ports.venue.clone(),
            alerts: ports.alerts.clone(),
            strategies: ports.strategies.clone(),
            feeds: ports.feeds.clone(),
        };
        let arguments = telemetry::Arguments {
            every: self.telemetry_every,
            silent_from: Duration::from_secs(self.alerts.rules.of(Rule::DeadMan).limit),
            asked,
            places: ports.places(),
            queues: self.queues(),
            ledger: (self.ledger.clone(), self.applied.0.clone()),
            journal: (self.journal.clone(), self.applied.1.clone()),
            archive: self.archive.0.clone(),
            sink: self.sink.clone(),
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

    /// The bulk queues of the market, by who drains them.
    fn queues(&self) -> Vec<(String, Inlet)> {
        let core = [
            ("orders", &self.channels.orders),
            ("positions", &self.channels.positions),
            ("venue", &self.channels.venue),
        ];
        let core = core.into_iter().map(|(name, (_, inlet))| (name.to_owned(), inlet.clone()));
        let listeners =
            self.listeners.iter().map(|(name, (_, inlet))| (label("strategy", name.as_str()), inlet.clone()));
        core.chain(listeners).collect()
    }

    /// What alerts can be about, by the names under which samples show it.
    fn subjects(&self) -> Subjects {
        let journals = JOURNALS.map(str::to_owned);
        Subjects {
            account: self.assembly.deciding().account.name.as_str().to_owned(),
            feeds: self.ports.feeds.keys().cloned().collect(),
            strategies: self.ports.strategies.keys().map(|name| name.as_str().to_owned()).collect(),
            queues: self.queues().into_iter().map(|(name, _)| name).chain(journals).collect(),
            folders: self.folders().into_iter().map(|(name, _)| name.to_owned()).collect(),
        }
    }

    /// The folders whose disks may fill: a ledger elsewhere may have a disk of its own.
    fn folders(&self) -> Vec<(&'static str, PathBuf)> {
        let paths = &self.plan_paths;
        let elsewhere = |folder: &Path| !folder.starts_with(&paths.root);
        let ledger = Some(("ledger", paths.ledger.clone())).filter(|(_, folder)| elsewhere(folder));
        std::iter::once(("data", paths.root.clone())).chain(ledger).collect()
    }
}
