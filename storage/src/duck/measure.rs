//! What the tables could take without journals: the figure beside which durable ingest is printed.

use std::collections::BTreeSet;
use std::path::Path;

use messages::market::{Batch, EventBody};

use super::Error;
use super::instance::{Instance, Options};
use super::ticks::{self, TicksByDay};

/// Appends the ticks of these batches to a fresh database, `rows` a transaction. Returns how many.
///
/// # Errors
/// DuckDB refuses.
pub fn bare_append(path: &Path, options: &Options, batches: &[Batch], rows: usize) -> Result<usize, Error> {
    let instance = Instance::open(path, options)?;
    let db = instance.connect()?;
    let (mut days, mut sheet, mut total) = (BTreeSet::new(), TicksByDay::default(), 0);
    ticks::make_view(&db, &days)?;
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
            sheet.write(&db, &mut days)?;
            db.execute_batch("COMMIT").map_err(Error::duck("commit"))?;
        }
    }
    Ok(total)
}
