//! What the tree does with the journals: what a start reads of the market's, the ledger's checkpoints, and a journal that
//! cannot be written.

use std::sync::atomic::Ordering;

use messages::caps;
use messages::market::{Batch, FeedBatch, FeedItem, Gap, GapCause, GapChannel, Source};
use messages::risk::{StateChange, TradingState};
use storage::journal::{Health, Log};

use super::Tree;
use crate::ports::ToOrders;
use crate::runtime::WantsStop;
use crate::{market, restore};

impl Tree {
    /// Gives the market the tail of its journal, and says what was missed since.
    pub(super) fn rebuild_market(
        &self,
        market: &mut market::state::Market,
        tail: &[Batch],
        cause: Option<GapCause>,
    ) -> Option<FeedBatch> {
        let cause = cause?;
        tail.iter().for_each(|batch| market.rebuild(batch));
        let now = self.clock.now();
        let from = tail.last()?.received;
        let gap = |instrument| {
            let gap = Gap {
                instrument,
                channel: GapChannel::Ticks,
                cause,
                from,
                to: Some(now),
                first_missing: None,
                resumed_at: None,
            };
            FeedItem::Gap(gap)
        };
        let items = market.instruments().map(gap).collect();
        Some(FeedBatch { source: Source::Stream, received: now, items })
    }

    /// Folds the ledger again beside everything, when a start would have much to read.
    pub(super) fn checkpoint(&mut self) {
        let durable = self.ledger.watermark().get();
        if durable.0 < self.checkpointed.0 + caps::LEDGER_TAIL {
            return;
        }
        self.checkpointed = durable;
        let (ledger, assembly) = (self.plan_paths.ledger.clone(), self.assembly.clone());
        tokio::task::spawn_blocking(move || {
            if let Err(error) = restore::checkpoint(&ledger, durable, &assembly) {
                tracing::warn!(error = &error as &dyn std::error::Error, "no checkpoint of the ledger");
            }
        });
    }

    /// While a journal cannot be written nothing new is begun.
    pub(super) fn journal_health(&mut self, log: Log, health: Health) {
        if log == Log::Ledger {
            self.ledger_writes.store(health == Health::Writing, Ordering::Release);
        }
        let why = match health {
            Health::Writing => return,
            Health::DiskFull => format!("the disk of the {log} journal is full"),
            Health::Stopped(why) => {
                let _ = self.wants_stop.try_send(WantsStop::Failed(format!("the {log} journal: {why}")));
                why
            }
        };
        let change = StateChange { state: TradingState::Halted, by: "merganser".to_owned(), why };
        self.ports.orders.cast(ToOrders::Trading(change, None));
    }
}
