//! The intake: telemetry that waits for the file thread becomes rows with ids.
//!
//! An id is the row's time in microseconds, or one more than the last: rising, and unique over all starts,
//! also when older rows have left for another tier.

use duckdb::Connection;
use messages::UtcNanos;
use messages::telemetry::Telemetry;

use super::Error;
use super::rows::Rows;

/// What waits for the telemetry tables, and the last ids that they hold.
pub struct Intake {
    queue: flume::Receiver<Telemetry>,
    last_log: i64,
    last_metric: i64,
}

impl Intake {
    /// Goes on above the ids that the tables hold.
    ///
    /// # Errors
    /// DuckDB refuses.
    pub fn open(db: &Connection, queue: flume::Receiver<Telemetry>) -> Result<Self, Error> {
        let last = |sql| db.query_row(sql, [], |row| row.get(0)).map_err(Error::duck("read the last telemetry id"));
        Ok(Self {
            queue,
            last_log: last("SELECT coalesce(max(log_id), 0) FROM disk.application_logs")?,
            last_metric: last("SELECT coalesce(max(metric_id), 0) FROM disk.system_metrics")?,
        })
    }

    /// Takes what waits now into `rows`.
    pub fn drain(&mut self, rows: &mut Rows) {
        for telemetry in self.queue.drain() {
            match telemetry {
                Telemetry::Log(line) => rows.log(next(&mut self.last_log, line.at), &line),
                Telemetry::Metric(metric) => rows.metric(next(&mut self.last_metric, metric.at), &metric),
            }
        }
    }
}

fn next(last: &mut i64, at: UtcNanos) -> i64 {
    *last = at.micros().max(*last + 1);
    *last
}
