//! Log lines.

use messages::telemetry;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{maybe, text};

/// A log line: the row of `application_logs`, which has its `log_id` only once it stands there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = LogLine)]
pub struct LogLine {
    /// When.
    pub timestamp: String,
    /// `error`, `warn`, `info` or `debug`.
    pub level: String,
    /// Which part of the program.
    pub component: String,
    /// Its words.
    pub message: String,
    /// A stable name of what happened, where it has one.
    pub event: Option<String>,
    /// About which order.
    pub order_id: Option<String>,
    /// About which symbol.
    pub symbol: Option<String>,
    /// About which strategy.
    pub strategy_id: Option<String>,
    /// About which venue.
    pub venue: Option<String>,
    /// Everything else that it carries, as a JSON object.
    pub data: Option<String>,
    /// What failed.
    pub exception: Option<String>,
    /// What belongs together.
    pub correlation_id: Option<String>,
}

impl From<&telemetry::LogLine> for LogLine {
    fn from(line: &telemetry::LogLine) -> Self {
        Self {
            timestamp: text(line.at),
            level: text(line.level),
            component: line.component.clone(),
            message: line.message.clone(),
            event: line.event.clone(),
            order_id: line.order_id.clone(),
            symbol: line.symbol.clone(),
            strategy_id: line.strategy.clone(),
            venue: line.venue.clone(),
            data: line.data.clone(),
            exception: line.exception.as_ref().map(|exception| exception.message.clone()),
            correlation_id: maybe(line.correlation_id),
        }
    }
}
