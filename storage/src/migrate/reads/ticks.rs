//! Ticks of an instrument, without those that were corrected.
//!
//! What corrects a tick has its kind, its number of the venue and its day, and a higher revision, wherever it stands.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use messages::market::{Tick, TickBody};
use messages::{Instrument, UtcNanos};

use super::asking::{Asking, of_instrument, order};
use super::gather::{First, Gathered, Key, gather, rank};
use super::relation::{Owner, Relation};
use super::{Error, shape};
use crate::duck::stored::Ticks;
use crate::migrate::plan::question::{Order, Wanted};
use crate::query::{Page, Range, StoredTick};

impl Asking<'_> {
    /// A page of ticks, and whether there are more.
    ///
    /// # Errors
    /// The server refuses, or a row is damaged.
    pub fn ticks(
        &mut self,
        instrument: Instrument,
        range: Range,
        page: Page,
    ) -> Result<(Vec<StoredTick>, bool), Error> {
        let texts = of_instrument(instrument);
        let corrections = RefCell::new(Corrections::default());
        let mut left_out = 0;
        let first = |limit: usize| {
            left_out = 0;
            let wanted = Wanted { range, texts: &texts, is_correction: false, order: order(page), limit: Some(limit) };
            let of_table = |(nth, relation): (usize, &&Relation)| {
                let mut rows = Vec::new();
                let rank = rank(relation.owner, true, nth);
                let read = self.read_ticks(relation, &wanted, instrument, |tick| {
                    let (micros, number) = (tick.tick.time.micros(), tick.id.0.into());
                    rows.push((Key { micros, rank, number, place: Key::place(rows.len(), page) }, tick));
                })?;
                left_out += read.left_out;
                Ok(First { rows, has_more: read.rows >= limit })
            };
            self.relations.iter().enumerate().map(of_table).collect::<Result<Vec<_>, Error>>()
        };
        let keep = |mut rows: Vec<(Key, StoredTick)>| {
            let mut corrections = corrections.borrow_mut();
            corrections.cover(self, instrument, &rows)?;
            once(&mut rows);
            rows.retain(|(_, tick)| !corrections.replaces(&tick.tick));
            Ok(rows)
        };
        let Gathered { rows, is_cut } = gather(page, first, keep)?;
        self.left_out += left_out;
        Ok((rows, is_cut))
    }

    fn read_ticks(
        &self,
        relation: &Relation,
        wanted: &Wanted<'_>,
        instrument: Instrument,
        mut take: impl FnMut(StoredTick),
    ) -> Result<super::relation::Read, Error> {
        self.read(relation, wanted, |batch| {
            let cells = shape::ticks(&batch)?;
            let ticks = Ticks::new(&cells)?;
            for row in 0..cells.num_rows() {
                take(ticks.get(row, instrument)?);
            }
            Ok(())
        })
    }
}

/// Leaves one of each tick that stands on both sides: those of ours are told by their number.
fn once(rows: &mut Vec<(Key, StoredTick)>) {
    let ours = rank(Owner::Us, true, 0);
    let mut seen = BTreeSet::new();
    rows.retain(|(key, tick)| key.rank != ours || seen.insert(tick.id));
}

/// The newest revisions of an instrument's ticks, of some days.
#[derive(Default)]
struct Corrections {
    /// The first of the days and the one behind the last.
    days: Option<(i64, i64)>,
    newest: BTreeMap<(i64, bool, i64), u16>,
}

impl Corrections {
    /// Reads those of the days on which these rows are, unless it has.
    fn cover(&mut self, asking: &Asking<'_>, instrument: Instrument, rows: &[(Key, StoredTick)]) -> Result<(), Error> {
        let days = || rows.iter().map(|(_, tick)| tick.tick.time.day());
        let Some((first, last)) = days().min().zip(days().max()) else { return Ok(()) };
        if self.days.is_some_and(|(from, to)| from <= first && last < to) {
            return Ok(());
        }
        let range = Range { from: UtcNanos::start_of_day(first), to: UtcNanos::start_of_day(last + 1) };
        let texts = of_instrument(instrument);
        let wanted = Wanted { range, texts: &texts, is_correction: true, order: Order::Any, limit: None };
        for relation in asking.relations.iter().filter(|relation| relation.plan.may_correct()) {
            asking.read_ticks(relation, &wanted, instrument, |tick| {
                if let Some(key) = Self::key(&tick.tick) {
                    let newest = self.newest.entry(key).or_default();
                    *newest = tick.tick.revision.max(*newest);
                }
            })?;
        }
        self.days = Some((first, last + 1));
        Ok(())
    }

    /// What a tick has in common with its corrections. One without the venue's number has none.
    fn key(tick: &Tick) -> Option<(i64, bool, i64)> {
        Some((tick.time.day(), matches!(tick.body, TickBody::Trade { .. }), tick.sequence?))
    }

    fn replaces(&self, tick: &Tick) -> bool {
        Self::key(tick).and_then(|key| self.newest.get(&key)).is_some_and(|newest| tick.revision < *newest)
    }
}
