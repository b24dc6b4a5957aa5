//! What the ledger says of a run: how long orders took, and what every client that reads must have been told.

use hdrhistogram::Histogram;
use messages::UtcNanos;
use messages::ids::hash;
use messages::ledger::{LedgerRecord, Seq};
use messages::orders::EventKind;
use storage::datadir::Paths;
use storage::journal::Reader;

use super::clients::Told;

/// A list of things told one after the other, in a few bytes: hundreds of clients keep one for the whole run.
#[derive(Debug, Clone, Default)]
pub struct Run {
    first: Option<String>,
    pub count: u64,
    chain: [u8; 32],
}

impl Run {
    /// One more.
    pub fn add(&mut self, what: &str) {
        self.first.get_or_insert_with(|| what.to_owned());
        self.count += 1;
        self.chain = hash(&[&self.chain, what.as_bytes()].concat());
    }

    /// Where in `all` it ends: without a gap, and nothing twice.
    fn ends_in(&self, all: &[(String, UtcNanos)]) -> Result<usize, String> {
        let first = self.first.as_ref().ok_or("nothing at all was told")?;
        let begins = all.iter().position(|(what, _)| what == first).ok_or_else(|| format!("{first} is not there"))?;
        let ends = begins + self.count as usize;
        let mut expected = Self::default();
        all.iter().take(ends).skip(begins).for_each(|(what, _)| expected.add(what));
        let is_same = expected.count == self.count && expected.chain == self.chain;
        is_same
            .then_some(ends)
            .ok_or_else(|| format!("what was told from {first} on, {} in all, is another list", self.count))
    }
}

/// What the ledger holds of a run.
#[derive(Default)]
pub struct Ledger {
    /// Events of orders, and when each was handled.
    orders: Vec<(String, UtcNanos)>,
    /// Booked fills, and when each was reported.
    fills: Vec<(String, UtcNanos)>,
    /// When a tick was received, and when the order that follows from it was decided.
    decided: Vec<(i64, UtcNanos)>,
}

impl Ledger {
    /// Reads it.
    pub fn read(paths: &Paths) -> anyhow::Result<Self> {
        let mut found = Self::default();
        let mut reader = Reader::<LedgerRecord>::new(&paths.ledger, Seq(1));
        while let Some(group) = reader.next_group(Seq(u64::MAX))? {
            for (_, record) in group.records {
                found.take(record)?;
            }
        }
        Ok(found)
    }

    fn take(&mut self, record: LedgerRecord) -> anyhow::Result<()> {
        match record {
            LedgerRecord::Order(update) => {
                let event = &update.event;
                self.orders.push((order_event(&event.order_id.to_string(), event.number), event.at));
                if event.kind == EventKind::Intended {
                    self.decided.push((update.order.request.note.parse()?, event.at));
                }
            }
            LedgerRecord::Booked(booked) => {
                self.fills.push((booked.trade.trade_id.to_string(), booked.trade.reported_at));
            }
            _ => {}
        }
        Ok(())
    }

    /// From a tick to the decided order, in nanoseconds, of orders decided between two instants.
    pub fn tick_to_order(&self, from: UtcNanos, to: UtcNanos) -> anyhow::Result<Histogram<u64>> {
        let mut took = Histogram::new(3)?;
        for (tick, at) in self.decided.iter().filter(|(_, at)| (from..to).contains(at)) {
            took.record(u64::try_from(at.0 - tick).unwrap_or(0))?;
        }
        anyhow::ensure!(took.len() >= 50, "only {} orders were decided in one part of the run", took.len());
        Ok(took)
    }
}

/// How an event of an order is named, here and by the clients.
pub fn order_event(order_id: &str, number: u32) -> String {
    format!("{order_id}/{number}")
}

/// What must not be.
pub fn findings(told: &[Told], ledger: &Ledger, ended: UtcNanos) -> Vec<String> {
    let mut found = Vec::new();
    for client in told {
        let lists = [("orders", &client.orders, &ledger.orders), ("fills", &client.fills, &ledger.fills)];
        for (topic, run, all) in lists {
            let due = all.iter().filter(|(_, at)| *at <= ended).count();
            match run.ends_in(all) {
                Ok(ends) if ends >= due => {}
                Ok(ends) => found.push(format!("client {}: {topic} ends {} too early", client.number, due - ends)),
                Err(why) => found.push(format!("client {}: {topic}: {why}", client.number)),
            }
        }
        found.extend(client.faults.iter().map(|fault| format!("client {}: {fault}", client.number)));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_a_part_of_the_list_without_gaps_and_doubles() {
        let all: Vec<_> = ["a", "b", "c", "d"].map(|what| (what.to_owned(), UtcNanos(0))).to_vec();
        let check = |told: &[&str], ends: Option<usize>| {
            let mut run = Run::default();
            told.iter().for_each(|what| run.add(what));
            assert_eq!(run.ends_in(&all).ok(), ends, "{told:?}");
        };
        check(&["a", "b", "c", "d"], Some(4));
        check(&["b", "c"], Some(3));
        check(&["b", "d"], None);
        check(&["b", "b", "c"], None);
        check(&["c", "b"], None);
        check(&["c", "d", "e"], None);
        check(&[], None);
    }
}
