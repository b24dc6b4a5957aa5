//! What the tables could take without journals: the figure beside which durable ingest is printed.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::Path;

use messages::UtcNanos;
use messages::market::{Batch, EventBody};

use super::Error;
use super::instance::{Instance, Options};
use super::ticks::{self, TicksByDay};
use crate::tiers::period::Unit;
use crate::tiers::{Period, Places};

/// Appends the ticks of these batches to a fresh database, `rows` a transaction. Returns how many.
///
/// # Errors
/// DuckDB refuses.
pub fn bare_append(path: &Path, options: &Options, batches: &[Batch], rows: usize) -> Result<usize, Error> {
    let instance = Instance::open(path, options, &Places::of(path))?;
    let db = instance.connect()?;
    let (mut open, mut sheet, mut total) = (BTreeMap::new(), TicksByDay::default(), 0);
    let mut batches = batches.iter().peekable();
    while let Some(batch) = batches.next() {
        for event in &batch.events {
            if let EventBody::Tick(tick) = &event.body {
                sheet.push(event, tick, batch.source, batch.received);
            }
        }
        if sheet.len() >= rows || batches.peek().is_none() {
            total += sheet.len();
            db.execute_batch("BEGIN").map_err(Error::duck("begin a transaction"))?;
            for day in sheet.days() {
                if let Entry::Vacant(vacant) = open.entry(day) {
                    let period = Period::of(Unit::Day, UtcNanos::start_of_day(day));
                    vacant.insert(ticks::create_part(&db, period, 0)?.location);
                }
            }
            sheet.write(&db, &open)?;
            db.execute_batch("COMMIT").map_err(Error::duck("commit"))?;
        }
    }
    Ok(total)
}
