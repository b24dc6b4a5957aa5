//! Ticks on disk: a table for each part of a UTC day, so that dropping it is one DDL. A day has one part, and
//! another one when rows arrive after the first was sealed.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::RecordBatch;
use duckdb::Connection;
use messages::market::{Event, Source, Tick, TickBody};
use messages::{MarketId, UtcNanos};

use super::Error;
use super::sheet::{Kind, Sheet};
use crate::tiers::{Manifest, Period, Piece, Tier, tables};

/// The columns that the runtime writes; `correlation_id` stays NULL.
pub const COLUMNS: &[(&str, Kind)] = &[
    ("tick_id", Kind::Int),
    ("exchange", Kind::Text),
    ("symbol", Kind::Text),
    ("timestamp", Kind::Time),
    ("kind", Kind::Text),
    ("bid_price", Kind::P),
    ("ask_price", Kind::P),
    ("bid_size", Kind::P),
    ("ask_size", Kind::P),
    ("last_price", Kind::P),
    ("volume", Kind::P),
    ("aggressor_side", Kind::Text),
    ("sequence_number", Kind::Int),
    ("conditions", Kind::Text),
    ("source", Kind::Text),
    ("revision", Kind::Small),
    ("ingestion_time", Kind::Time),
];

/// Writes one tick as a row.
pub fn push(sheet: &mut Sheet, id: MarketId, tick: &Tick, source: Source, received: UtcNanos) {
    sheet.int(i64::try_from(id.0).ok());
    sheet.text(tick.instrument.exchange.as_str()).text(tick.instrument.symbol.as_str());
    push_after_names(sheet, tick, source, received);
}

/// Writes the cells behind the instrument's names.
fn push_after_names(sheet: &mut Sheet, tick: &Tick, source: Source, received: UtcNanos) {
    sheet.time(tick.time);
    let conditions = match &tick.body {
        TickBody::Trade { price, size, aggressor, conditions } => {
            sheet.text("trade").p(None).p(None).p(None).p(None).p(*price).size(*size);
            sheet.text(aggressor.map(|side| side.as_str()));
            (!conditions.is_empty()).then_some(conditions.as_str())
        }
        TickBody::Quote { bid, ask } => {
            sheet.text("quote").p(bid.map(|l| l.price)).p(ask.map(|l| l.price));
            sheet.size(bid.map(|l| l.size)).size(ask.map(|l| l.size)).p(None).p(None).text(None);
            None
        }
    };
    sheet.int(tick.sequence).text(conditions).text(source.as_str()).small(tick.revision).time(received);
}

/// Writes one tick as a row of a table that holds one instrument: without its names.
pub fn push_nameless(sheet: &mut Sheet, id: MarketId, tick: &Tick, source: Source, received: UtcNanos) {
    sheet.int(i64::try_from(id.0).ok());
    push_after_names(sheet, tick, source, received);
}

/// Rows on their way into the tables of their days.
#[derive(Default)]
pub struct TicksByDay {
    sheets: BTreeMap<i64, Sheet>,
    revised: BTreeSet<i64>,
    rows: usize,
}

impl TicksByDay {
    /// Adds a tick.
    pub fn push(&mut self, event: &Event, tick: &Tick, source: Source, received: UtcNanos) {
        let sheet = self.sheets.entry(tick.time.day()).or_insert_with(|| Sheet::new(COLUMNS));
        push(sheet, event.id, tick, source, received);
        if tick.revision > 0 {
            self.revised.insert(tick.time.day());
        }
        self.rows += 1;
    }

    /// Rows so far.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// The days that rows wait for.
    pub fn days(&self) -> impl Iterator<Item = i64> {
        self.sheets.iter().filter(|(_, sheet)| !sheet.is_empty()).map(|(day, _)| *day)
    }

    /// The days among them with a correction of another tick.
    pub fn revised(&self) -> &BTreeSet<i64> {
        &self.revised
    }

    /// Takes all rows out, each day's as one batch.
    pub fn take(&mut self) -> Vec<(i64, RecordBatch)> {
        let waiting = self.sheets.iter_mut().filter(|(_, sheet)| !sheet.is_empty());
        let taken = waiting.map(|(day, sheet)| (*day, sheet.take())).collect();
        // Yesterday's empty sheet is dropped with its buffers; today's is kept for the next batch.
        let newest = self.sheets.keys().next_back().copied();
        self.sheets.retain(|day, _| Some(*day) == newest);
        self.revised.clear();
        self.rows = 0;
        taken
    }

    /// Appends all rows, inside the caller's transaction, each to the table of its day's open part.
    pub fn write(&mut self, db: &Connection, open: &BTreeMap<i64, String>) -> Result<(), Error> {
        let names: Vec<&str> = COLUMNS.iter().map(|(name, _)| *name).collect();
        for (day, batch) in self.take() {
            let table = open[&day].strip_prefix("disk.").expect("an open part is a table on disk");
            let mut appender = db
                .appender_with_columns_to_db(table, "disk", &names)
                .map_err(Error::duck("append to a day's ticks"))?;
            appender.append_record_batch(batch).map_err(Error::duck("append ticks"))?;
            appender.flush().map_err(Error::duck("flush ticks"))?;
        }
        Ok(())
    }
}

/// Makes the table of a new part of a day, inside the caller's transaction.
pub fn create_part(db: &Connection, day: Period, part: u32) -> Result<Piece, Error> {
    let name = UtcNanos::day_name(day.start().day());
    let table = if part == 0 { format!("disk.ticks_{name}") } else { format!("disk.ticks_{name}_{part}") };
    db.execute_batch(&format!("CREATE TABLE {table} AS FROM main.ticks_template LIMIT 0"))
        .map_err(Error::duck("create a day's table of ticks"))?;
    Ok(Piece::open(tables::ticks(), day, part, table))
}

/// The open part of each day that has one.
pub fn open_parts(manifest: &Manifest) -> BTreeMap<i64, String> {
    let open = manifest.of_table(tables::ticks().name).filter(|p| p.tier == Tier::Disk && !p.sealed);
    open.filter_map(|p| Some((p.period.parse::<Period>().ok()?.start().day(), p.location.clone()))).collect()
}
