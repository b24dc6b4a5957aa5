//! Ticks on disk: a table per UTC day behind the view `market_ticks`, so that dropping a day is one DDL.

use std::collections::{BTreeMap, BTreeSet};

use duckdb::Connection;
use messages::market::{Event, Source, Tick, TickBody};
use messages::{MarketId, UtcNanos};

use super::Error;
use super::sheet::{Kind, Sheet};

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
    rows: usize,
}

impl TicksByDay {
    /// Adds a tick.
    pub fn push(&mut self, event: &Event, tick: &Tick, source: Source, received: UtcNanos) {
        let sheet = self.sheets.entry(tick.time.day()).or_insert_with(|| Sheet::new(COLUMNS));
        push(sheet, event.id, tick, source, received);
        self.rows += 1;
    }

    /// Rows so far.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Appends all rows, inside the caller's transaction; makes tables for new days.
    pub fn write(&mut self, db: &Connection, days: &mut BTreeSet<i64>) -> Result<(), Error> {
        let fresh: Vec<i64> = self.sheets.keys().copied().filter(|day| !days.contains(day)).collect();
        if !fresh.is_empty() {
            create_days(db, &fresh, days)?;
        }
        let names: Vec<&str> = COLUMNS.iter().map(|(name, _)| *name).collect();
        for (day, sheet) in self.sheets.iter_mut().filter(|(_, sheet)| !sheet.is_empty()) {
            let mut appender =
                db.appender_with_columns(&table(*day), &names).map_err(Error::duck("append to a day's ticks"))?;
            appender.append_record_batch(sheet.take()).map_err(Error::duck("append ticks"))?;
            appender.flush().map_err(Error::duck("flush ticks"))?;
        }
        // Yesterday's empty sheet is dropped with its buffers; today's is kept for the next batch.
        let newest = self.sheets.keys().next_back().copied();
        self.sheets.retain(|day, _| Some(*day) == newest);
        self.rows = 0;
        Ok(())
    }
}

fn table(day: i64) -> String {
    format!("ticks_{}", UtcNanos::day_name(day))
}

/// The days that have a table.
pub fn load_days(db: &Connection) -> Result<BTreeSet<i64>, Error> {
    let mut found = db
        .prepare("SELECT period FROM partitions WHERE table_name = 'market_ticks' AND tier = 'disk'")
        .map_err(Error::duck("read partitions"))?;
    let rows = found.query_map([], |row| row.get::<_, String>(0)).map_err(Error::duck("read partitions"))?;
    let mut days = BTreeSet::new();
    for period in rows {
        let period = period.map_err(Error::duck("read partitions"))?;
        days.extend(period.parse::<UtcNanos>().map(UtcNanos::day));
    }
    Ok(days)
}

fn create_days(db: &Connection, fresh: &[i64], days: &mut BTreeSet<i64>) -> Result<(), Error> {
    for day in fresh {
        let name = table(*day);
        let period = UtcNanos::start_of_day(*day).to_string();
        let script = format!(
            "CREATE TABLE {name} AS FROM ticks_template LIMIT 0;
             INSERT INTO partitions VALUES ('market_ticks', '{}', 0, 'disk', '{name}')",
            &period[..10],
        );
        db.execute_batch(&script).map_err(Error::duck("create a day's table of ticks"))?;
        days.insert(*day);
    }
    make_view(db, days)
}

/// Points the view at the tables of these days.
pub fn make_view(db: &Connection, days: &BTreeSet<i64>) -> Result<(), Error> {
    let tables = std::iter::once("ticks_template".to_owned()).chain(days.iter().map(|day| table(*day)));
    let body: Vec<String> = tables.map(|name| format!("SELECT * FROM {name}")).collect();
    db.execute_batch(&format!("CREATE OR REPLACE VIEW market_ticks AS {}", body.join(" UNION ALL ")))
        .map_err(Error::duck("point the view market_ticks at its days"))
}
