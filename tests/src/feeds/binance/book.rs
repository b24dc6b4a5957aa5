//! The venue's own book of a symbol.

use std::collections::BTreeMap;

use super::Body;

/// Prices with their sizes, both in units of 1e-8.
pub type Levels = Vec<(i64, i64)>;

/// A book.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Book {
    /// The last update id.
    pub last: u64,
    /// Sizes by price.
    pub bids: BTreeMap<i64, i64>,
    /// Sizes by price.
    pub asks: BTreeMap<i64, i64>,
}

impl Book {
    /// Takes in what happened; what is not depth, or older, changes nothing.
    pub fn apply(&mut self, body: &Body) {
        let Body::Depth { last, bids, asks, .. } = body else { return };
        if *last <= self.last {
            return;
        }
        self.last = *last;
        for (side, levels) in [(&mut self.bids, bids), (&mut self.asks, asks)] {
            for (price, size) in levels {
                if *size == 0 {
                    side.remove(price)
                } else {
                    side.insert(*price, *size)
                };
            }
        }
    }

    /// The REST snapshot with so many levels a side.
    #[must_use]
    pub fn snapshot(&self, limit: usize) -> String {
        let side = |levels: Vec<(&i64, &i64)>| {
            let texts: Vec<String> = levels
                .into_iter()
                .take(limit)
                .map(|(price, size)| format!(r#"["{}","{}"]"#, decimal(*price), decimal(*size)))
                .collect();
            texts.join(",")
        };
        let (bids, asks) = (self.bids.iter().rev().collect(), self.asks.iter().collect());
        format!(r#"{{"lastUpdateId":{},"bids":[{}],"asks":[{}]}}"#, self.last, side(bids), side(asks))
    }
}

/// Units of 1e-8 as the venue writes them.
#[must_use]
pub fn decimal(units: i64) -> String {
    format!("{}.{:08}", units / 100_000_000, units % 100_000_000)
}

/// Levels as the venue writes them.
#[must_use]
pub fn levels_json(levels: &Levels) -> String {
    let texts: Vec<String> =
        levels.iter().map(|(price, size)| format!(r#"["{}","{}"]"#, decimal(*price), decimal(*size))).collect();
    format!("[{}]", texts.join(","))
}
