//! How all stop.

use std::sync::atomic::Ordering;
use std::time::Duration;

use messages::ledger::LedgerRecord;
use messages::snapshots::SnapshotType;

use super::Tree;
use crate::ports::{OrdersStatus, ToFeed, ToMarket, ToOrders, ToPositions, ToStrategy, ToTelemetry};
use crate::runtime::{STEP, ask_within};

impl Tree {
    /// Stops in order: no more input, strategies, orders at rest, a last snapshot, the market's open bars, a
    /// last sample of it all.
    pub(super) async fn stop(&mut self) {
        self.stopping = true;
        self.stop_feed.store(true, Ordering::Release);
        let feeds = self.ports.feeds.values().map(|port| ask_within(STEP, |reply| port.cast(ToFeed::Stop(reply))));
        futures::future::join_all(feeds).await;
        let strategies =
            self.ports.strategies.values().map(|port| ask_within(STEP, |reply| port.cast(ToStrategy::Stop(reply))));
        // All at once: one that hangs costs the others nothing.
        futures::future::join_all(strategies).await;
        self.wait_for_orders().await;
        ask_within(STEP, |reply| self.ports.positions.cast(ToPositions::Snapshot(SnapshotType::Shutdown, Some(reply))))
            .await;
        ask_within(STEP, |reply| self.ports.market.cast(ToMarket::Stop(reply))).await;
        ask_within(STEP, |reply| self.ports.telemetry.cast(ToTelemetry::Sample(reply))).await;
        let _ = self.ledger.append(vec![LedgerRecord::Stopped { at: self.clock.now() }], None).await;
    }

    /// Until nothing waits for the ledger and nothing is on its way to the venue and back.
    async fn wait_for_orders(&self) {
        let began = self.wall.now();
        while self.wall.now() < began.after(STEP) {
            let status =
                ask_within::<OrdersStatus>(STEP, |reply| self.ports.orders.cast(ToOrders::Status(reply))).await;
            let on_its_way = |o: &messages::orders::Order| {
                use messages::orders::Status;
                matches!(
                    o.status,
                    Status::PendingSubmit | Status::Submitted | Status::PendingCancel | Status::PendingReplace
                )
            };
            match status {
                Some(status) if status.waiting == 0 && !status.open.iter().any(on_its_way) => return,
                _ => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    }
}
