//! How all stop.

use std::sync::atomic::Ordering;
use std::time::Duration;

use messages::ledger::LedgerRecord;
use messages::orders::Status;
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

    /// Until nothing waits for the ledger and nothing is on its way to the venue and back, at most [`STEP`].
    async fn wait_for_orders(&self) {
        let began = self.wall.now();
        while self.wall.now() < began.after(STEP) {
            let status =
                ask_within::<OrdersStatus>(STEP, |reply| self.ports.orders.cast(ToOrders::Status(reply))).await;
            match status {
                Some(status) if is_at_rest(&status) => return,
                _ => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    }
}

/// A question without an answer is on its way, too: a cancel that the venue refuses leaves the order working here, and only the
/// answer tells that it has ended there.
fn is_at_rest(status: &OrdersStatus) -> bool {
    let on_its_way = |status: Status| {
        matches!(status, Status::PendingSubmit | Status::Submitted | Status::PendingCancel | Status::PendingReplace)
    };
    status.waiting == 0 && status.asked == 0 && !status.open.iter().any(|order| on_its_way(order.status))
}

#[cfg(test)]
mod tests {
    use messages::risk::TradingState;

    use super::*;
    use crate::orders::latency::Latencies;
    use crate::orders::state::Counters;

    #[test]
    fn what_waits_for_the_ledger_or_the_venue_is_not_at_rest() {
        let check = |waiting, asked, expected| {
            let status = OrdersStatus {
                trading: TradingState::Active,
                changed: None,
                open: Vec::new(),
                waiting,
                asked,
                counters: Counters::default(),
                latencies: Latencies::default(),
            };
            assert_eq!(is_at_rest(&status), expected, "{waiting} wait, {asked} are asked about");
        };
        check(0, 0, true);
        check(1, 0, false);
        check(0, 1, false);
    }
}
