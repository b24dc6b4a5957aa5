//! Bars of any length, as DuckDB makes them: those that are stored, or merged from those of a second, a minute, or whatever
//! else is stored.
//!
//! Of several rows of one bar the one of the higher revision is shown, and of those alike the one with the higher number: theirs,
//! then the sink's. Of theirs none has a number before it is brought over: the one that comes last is shown.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use messages::market::{Bar, Timeframe};
use messages::{Instrument, UtcNanos};

use super::asking::{Asking, Texts, of_instrument, order};
use super::gather::{First, Gathered, Key, gather, rank};
use super::relation::{Owner, Read, Relation};
use super::{Error, shape};
use crate::duck::Error as BadRow;
use crate::duck::stored::Bars;
use crate::migrate::plan::question::{Order, Wanted};
use crate::query::bars::{Found, of_bases, whole_bars};
use crate::query::{Page, Range};

/// Bars that are asked for.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// Of which instrument.
    pub instrument: Instrument,
    /// Of which length.
    pub timeframe: Timeframe,
    /// They open and end in it.
    pub range: Range,
    /// Which of them.
    pub page: Page,
}

/// Bars that are looked at for one that fits: more of them in a row that do not are no bars.
const BARS_LOOKED_AT: usize = 100;

/// Which of several bars of one time is shown: the one of the higher revision, then of whom.
type Best = (u16, Owner);

impl Asking<'_> {
    /// The bars that are asked for.
    ///
    /// # Errors
    /// The server refuses, a row is damaged, or a sum fits in no column.
    pub fn bars(&mut self, asked: Asked) -> Result<Found, Error> {
        let asked = Asked { range: whole_bars(asked.range, asked.timeframe), ..asked };
        of_bases(asked.timeframe, asked.page, |base| {
            if base == asked.timeframe {
                return self.stored(asked);
            }
            let (mut found, is_cut) = self.merged(asked, base)?;
            if let Some(last) = found.last_mut()
                && last.is_complete
            {
                last.is_complete = self.has_ended(last, base)?;
            }
            Ok((found, is_cut))
        })
    }

    fn stored(&mut self, asked: Asked) -> Result<Found, Error> {
        let Asked { instrument, timeframe, range, page } = asked;
        let texts = of_length(instrument, timeframe);
        let left_out = Cell::new(0);
        let first = |limit: usize| {
            left_out.set(0);
            // One row more, for behind the last may be another of its time.
            let most = limit.saturating_add(1);
            let wanted = Wanted { range, texts: &texts, is_correction: false, order: order(page), limit: Some(most) };
            let of_table = |(nth, relation): (usize, &&Relation)| {
                let (owner, mut rows) = (relation.owner, Vec::new());
                let rank = rank(owner, true, nth);
                let read = self.read_bars(relation, &wanted, instrument, |bar| {
                    let (micros, number) = (bar.open_time.micros(), bar.bar_id.0.into());
                    let place = Key::place(rows.len(), page);
                    rows.push((Key { micros, rank, number, place }, (owner, bar)));
                    Ok(())
                })?;
                left_out.set(left_out.get() + read.left_out);
                let has_more = read.rows >= most;
                if has_more && let Some((last, _)) = rows.last().copied() {
                    rows.retain(|(key, _)| key.micros != last.micros);
                }
                Ok(First { rows, has_more })
            };
            self.relations.iter().enumerate().map(of_table).collect::<Result<Vec<_>, Error>>()
        };
        let Gathered { rows, is_cut } = gather(page, first, |rows| Ok::<_, Error>(newest(rows)))?;
        self.left_out += left_out.get();
        Ok((rows.into_iter().map(|(_, bar)| bar).collect(), is_cut))
    }

    fn merged(&mut self, asked: Asked, base: Timeframe) -> Result<Found, Error> {
        let Asked { instrument, timeframe, range, page } = asked;
        let texts = of_length(instrument, base);
        let mut relations = self.relations.clone();
        // Which of ours theirs replace is known when theirs were read, and of theirs the later one goes before.
        relations.reverse();
        relations.sort_by_key(|relation| Reverse(relation.owner));
        let has_several = relations.iter().filter(|relation| relation.owner == Owner::Them).count() > 1;
        let early = self.early(instrument, &texts, range)?;
        let parts = (timeframe.secs() / base.secs()) as usize;
        let left_out = Cell::new(0);
        let first = |limit: usize| {
            left_out.set(0);
            // One bar more, for the last may be a part of one.
            let most = limit.saturating_add(1).saturating_mul(parts);
            let wanted = Wanted { range, texts: &texts, is_correction: false, order: order(page), limit: Some(most) };
            let replaced = RefCell::new(BTreeSet::new());
            let of_table = |relation: &&Relation| {
                let mut bars = BTreeMap::new();
                let mut add = |part: Bar| {
                    let at = part.open_time;
                    if relation.owner == Owner::Them && (has_several || early.contains_key(&at)) {
                        replaced.borrow_mut().insert(at);
                    }
                    Merged::add(&mut bars, Merged::of(part, timeframe))
                };
                // The best of those of the time that is read now.
                let mut best: Option<Bar> = None;
                let read = self.read_bars(relation, &wanted, instrument, |bar| {
                    let (at, rank) = (bar.open_time, (bar.revision, relation.owner));
                    if early.get(&at).is_some_and(|known| rank < *known) || replaced.borrow().contains(&at) {
                        return Ok(());
                    }
                    if let Some(known) = best.filter(|known| known.open_time == at) {
                        best = Some(better(known, bar, page));
                    } else if let Some(done) = best.replace(bar) {
                        add(done)?;
                    }
                    Ok(())
                })?;
                if let Some(done) = best {
                    add(done)?;
                }
                left_out.set(left_out.get() + read.left_out);
                let has_more = read.rows >= most;
                Ok(First { rows: keyed(bars, has_more, page), has_more })
            };
            relations.iter().map(of_table).collect::<Result<Vec<_>, Error>>()
        };
        let Gathered { rows, is_cut } = gather(page, first, together)?;
        self.left_out += left_out.get();
        Ok((rows.into_iter().map(|merged| merged.bar).collect(), is_cut))
    }

    /// The best bars of ours that open where another's may stand, too, and those of theirs that may replace another of theirs.
    fn early(&self, instrument: Instrument, texts: &Texts, range: Range) -> Result<BTreeMap<UtcNanos, Best>, Error> {
        let until = self.own.map_or(self.watermark, |own| own.until.max(self.watermark));
        let mut found = BTreeMap::<UtcNanos, Best>::new();
        let mut look = |owner, range, is_correction| {
            let wanted = Wanted { range, texts, is_correction, order: Order::Any, limit: None };
            for relation in self.relations.iter().filter(|relation| relation.owner == owner) {
                self.read_bars(relation, &wanted, instrument, |bar| {
                    let best = found.entry(bar.open_time).or_insert((bar.revision, owner));
                    *best = (*best).max((bar.revision, owner));
                    Ok(())
                })?;
            }
            Ok::<_, Error>(
                found.first_key_value().zip(found.last_key_value()).map(|((first, _), (last, _))| (*first, *last)),
            )
        };
        let range = Range { to: range.to.min(until), ..range };
        let of_sink = look(Owner::Us, range, false)?;
        // Of what DuckDB alone has, which may be much, only what may stand twice.
        let theirs = self.relations.iter().filter(|relation| relation.owner == Owner::Them).count();
        match of_sink {
            _ if theirs > 0 => look(Owner::Alone, range, false).map(drop)?,
            Some((first, last)) => {
                look(Owner::Alone, Range { from: first, to: UtcNanos(last.0 + 1) }, false).map(drop)?;
            }
            None => {}
        }
        if theirs > 1 {
            look(Owner::Them, range, true)?;
        }
        Ok(found)
    }

    /// That all which a merged bar is made of is stored: something of its last part or later is.
    fn has_ended(&self, bar: &Bar, base: Timeframe) -> Result<bool, Error> {
        let range = Range { from: bar.end_time().before(base.duration()), to: UtcNanos::MAX };
        let texts = of_length(bar.instrument, base);
        let limit = Some(BARS_LOOKED_AT);
        let wanted = Wanted { range, texts: &texts, is_correction: false, order: Order::Oldest, limit };
        for relation in &self.relations {
            let read = self.read(relation, &wanted, |_| Ok(()))?;
            if read.rows as u64 > read.left_out {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn read_bars(
        &self,
        relation: &Relation,
        wanted: &Wanted<'_>,
        instrument: Instrument,
        mut take: impl FnMut(Bar) -> Result<(), Error>,
    ) -> Result<Read, Error> {
        self.read(relation, wanted, |batch| {
            let cells = shape::bars(&batch)?;
            let bars = Bars::new(&cells)?;
            (0..cells.num_rows()).try_for_each(|row| take(bars.get(row, instrument)?))
        })
    }
}

fn of_length(instrument: Instrument, timeframe: Timeframe) -> Texts {
    let mut texts = of_instrument(instrument);
    texts.push(("timeframe", timeframe.to_string()));
    texts
}

/// Of stored bars of one time, the one that is shown.
fn newest(mut rows: Vec<(Key, (Owner, Bar))>) -> Vec<(Key, (Owner, Bar))> {
    rows.sort_by_key(|(key, (owner, bar))| (key.micros, Reverse((bar.revision, *owner, *key))));
    rows.dedup_by_key(|(key, _)| key.micros);
    rows
}

/// Of two rows of one bar in one table, the second of which came behind the first in the order of the page, the one that is shown.
fn better(first: Bar, second: Bar, page: Page) -> Bar {
    let is_second = match page {
        Page::Oldest(_) => second.revision >= first.revision,
        Page::Newest(_) => second.revision > first.revision,
    };
    if is_second { second } else { first }
}

/// A bar, and what it is made of so far.
struct Merged {
    /// Where its first part opens.
    first: UtcNanos,
    /// Where its last part opens.
    last: UtcNanos,
    bar: Bar,
}

impl Merged {
    /// One part of a bar of a length.
    fn of(part: Bar, timeframe: Timeframe) -> Self {
        let at = part.open_time;
        Self { first: at, last: at, bar: Bar { open_time: at.floor_to(timeframe.duration()), timeframe, ..part } }
    }

    /// Adds more of a bar to those that there are.
    fn add(bars: &mut BTreeMap<UtcNanos, Self>, more: Self) -> Result<(), Error> {
        match bars.entry(more.bar.open_time) {
            std::collections::btree_map::Entry::Vacant(place) => drop(place.insert(more)),
            std::collections::btree_map::Entry::Occupied(known) => known.into_mut().merge(&more)?,
        }
        Ok(())
    }

    fn merge(&mut self, more: &Self) -> Result<(), Error> {
        let (all, bar) = (&mut self.bar, &more.bar);
        if more.first < self.first {
            (self.first, all.open, all.bar_id) = (more.first, bar.open, bar.bar_id);
        }
        if more.last > self.last {
            (self.last, all.close) = (more.last, bar.close);
        }
        (all.high, all.low) = (all.high.max(bar.high), all.low.min(bar.low));
        all.volume = all.volume.checked_add(bar.volume).ok_or_else(|| too_large("volume", all))?;
        all.notional = all.notional.checked_add(bar.notional).ok_or_else(|| too_large("notional", all))?;
        all.trade_count += bar.trade_count;
        all.revision = all.revision.max(bar.revision);
        all.is_complete &= bar.is_complete;
        Ok(())
    }
}

fn too_large(column: &str, bar: &Bar) -> BadRow {
    let value = format!("a sum too large for its column, in the {} from {} on", bar.timeframe, bar.open_time);
    BadRow::BadRow { table: "ohlcv_bars", column: column.to_owned(), value }
}

/// The bars of one table in the order of the page, without the last if that may lack a part.
fn keyed(bars: BTreeMap<UtcNanos, Merged>, has_more: bool, page: Page) -> Vec<(Key, Merged)> {
    let key =
        |(open, merged): (UtcNanos, Merged)| (Key { micros: open.micros(), rank: 0, number: 0, place: 0 }, merged);
    let mut rows: Vec<_> = match page {
        Page::Oldest(_) => bars.into_iter().map(key).collect(),
        Page::Newest(_) => bars.into_iter().rev().map(key).collect(),
    };
    if has_more {
        rows.pop();
    }
    rows
}

/// Bars of which both of us have parts.
fn together(rows: Vec<(Key, Merged)>) -> Result<Vec<(Key, Merged)>, Error> {
    let mut bars = BTreeMap::new();
    rows.into_iter().try_for_each(|(_, merged)| Merged::add(&mut bars, merged))?;
    Ok(keyed(bars, false, Page::Oldest(0)))
}
