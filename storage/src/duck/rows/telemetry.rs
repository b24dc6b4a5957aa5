//! Rows of the telemetry tables: log lines and metrics, which come from no journal.

use messages::telemetry::{LogLine, Metric};

use super::super::sheet::Kind::{Id, Int, Real, Text, Time};
use super::Rows;
use super::spec::{Table, Write};

/// The telemetry tables. Their STRUCT columns are packed on the way out of the staging tables.
pub const TABLES: &[Table] = &[
    Table {
        name: "system_metrics",
        columns: &[
            ("metric_id", Int),
            ("timestamp", Time),
            ("metric_name", Text),
            ("metric_type", Text),
            ("value", Real),
            ("component", Text),
            ("actor", Text),
            ("venue", Text),
            ("symbol", Text),
            ("tier", Text),
            ("p50", Real),
            ("p95", Real),
            ("p99", Real),
            ("p999", Real),
        ],
        how: Write::Upsert(
            "INSERT INTO disk.system_metrics
             SELECT metric_id, \"timestamp\", metric_name, metric_type, \"value\",
                struct_pack(component := component, actor := actor, venue := venue, symbol := symbol, tier := tier),
                CASE WHEN p50 IS NOT NULL THEN struct_pack(p50 := p50, p95 := p95, p99 := p99, p999 := p999) END,
                NULL
             FROM staging_system_metrics",
        ),
    },
    Table {
        name: "application_logs",
        columns: &[
            ("log_id", Int),
            ("timestamp", Time),
            ("level", Text),
            ("service", Text),
            ("component", Text),
            ("message", Text),
            ("event", Text),
            ("order_id", Text),
            ("symbol", Text),
            ("strategy_id", Text),
            ("venue", Text),
            ("data", Text),
            ("exception_type", Text),
            ("exception_message", Text),
            ("backtrace", Text),
            ("file", Text),
            ("line", Int),
            ("target", Text),
            ("correlation_id", Id),
        ],
        how: Write::Upsert(
            "INSERT INTO disk.application_logs
             SELECT log_id, \"timestamp\", \"level\", service, component, message, \"event\",
                struct_pack(order_id := order_id, symbol := symbol, strategy_id := strategy_id, venue := venue),
                CAST(\"data\" AS JSON),
                CASE WHEN exception_type IS NOT NULL THEN
                    struct_pack(\"type\" := exception_type, message := exception_message, backtrace := backtrace) END,
                struct_pack(\"file\" := \"file\", line := CAST(line AS INTEGER), target := target),
                correlation_id
             FROM staging_application_logs",
        ),
    },
];

impl Rows {
    /// Adds a metric.
    pub fn metric(&mut self, id: i64, m: &Metric) {
        let (labels, quantiles) = (&m.labels, m.quantiles);
        let sheet = self.sheet("system_metrics");
        sheet.int(id).time(m.at).text(m.name.as_str()).text(m.kind.as_str()).real(m.value);
        for label in [&labels.component, &labels.actor, &labels.venue, &labels.symbol, &labels.tier] {
            sheet.text(label.as_deref());
        }
        sheet.real(quantiles.map(|q| q.p50)).real(quantiles.map(|q| q.p95));
        sheet.real(quantiles.map(|q| q.p99)).real(quantiles.map(|q| q.p999));
    }

    /// Adds a log line.
    pub fn log(&mut self, id: i64, l: &LogLine) {
        let sheet = self.sheet("application_logs");
        sheet.int(id).time(l.at).text(l.level.as_str()).text(l.service.as_str()).text(l.component.as_str());
        sheet.text(l.message.as_str()).text(l.event.as_deref()).text(l.order_id.as_deref());
        sheet.text(l.symbol.as_deref()).text(l.strategy.as_deref()).text(l.venue.as_deref()).text(l.data.as_deref());
        let exception = l.exception.as_ref();
        sheet.text(exception.map(|e| e.kind.as_str())).text(exception.map(|e| e.message.as_str()));
        sheet.text(exception.and_then(|e| e.backtrace.as_deref()));
        sheet.text(l.file.as_deref()).int(l.line.map(i64::from)).text(l.target.as_str());
        sheet.id(l.correlation_id.map(|id| id.0));
    }
}
