//! Log lines into the tables, and to who listens now: a layer beside the one that writes to stderr, and a panic hook.
//!
//! Lines of our own crates become plain data and go to storage without waiting, and to every [`tap`]; before storage is
//! open, and where nobody listens, they go nowhere. Nothing here logs, so that no line can follow from another, and
//! nothing here waits: what storage does not take is counted, and a listener that is behind is told how much it missed.

mod sink;

use std::backtrace::{Backtrace, BacktraceStatus};
use std::error::Error;
use std::fmt::Debug;
use std::panic::PanicHookInfo;
use std::sync::Arc;

use actors::clock::Clock;
use messages::telemetry::{Exception, Level, LogLine};
use messages::{CorrelationId, caps};
use serde_json::{Map, Value};
use storage::telemetry::Sender;
use tokio::sync::broadcast;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use sink::Sink;

/// The crates whose lines are stored; those of libraries are for stderr alone.
const OWN: &[&str] = &["merganser", "actors", "storage", "config", "messages"];

/// Where lines go. A process has one subscriber and one panic hook, and so one of these.
static SINK: Sink = Sink::new();

/// From now on lines go to `sender`.
pub fn send_to(sender: Sender) {
    SINK.send_to(sender);
}

/// Every line from now on, as it is said. Nobody waits for who takes them: a listener that is more than
/// [`caps::LOG_TAP`] lines behind misses the oldest and is told how many.
#[must_use]
pub fn tap() -> broadcast::Receiver<Arc<LogLine>> {
    SINK.tap()
}

/// The layer that stores lines of `level` and above.
pub fn layer<S: Subscriber + for<'a> LookupSpan<'a>>(level: Level) -> impl Layer<S> {
    layer_to(&SINK, level)
}

fn layer_to<S: Subscriber + for<'a> LookupSpan<'a>>(sink: &'static Sink, level: Level) -> impl Layer<S> {
    let level = match level {
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
    };
    let own = OWN.iter().map(|name| (*name, level)).collect::<Targets>();
    LogLayer { sink, wall: Clock::wall() }.with_filter(own)
}

/// Stores panics as well. Stderr hears of them as before.
pub fn hook_panics() {
    let (before, wall) = (std::panic::take_hook(), Clock::wall());
    std::panic::set_hook(Box::new(move |panic| {
        before(panic);
        SINK.send(|| of_panic(panic, &wall));
    }));
}

struct LogLayer {
    sink: &'static Sink,
    wall: Clock,
}

impl<S: Subscriber> Layer<S> for LogLayer {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        self.sink.send(|| {
            let mut fields = Fields::default();
            event.record(&mut fields);
            fields.line(event.metadata(), &self.wall)
        });
    }
}

/// What a line carries.
#[derive(Default)]
struct Fields {
    message: String,
    event: Option<String>,
    order_id: Option<String>,
    correlation_id: Option<CorrelationId>,
    symbol: Option<String>,
    strategy: Option<String>,
    venue: Option<String>,
    error: Option<String>,
    data: Map<String, Value>,
}

impl Fields {
    fn put(&mut self, field: &Field, value: Value) {
        let text = match value {
            Value::String(text) => cut(text),
            other => {
                self.data.insert(field.name().to_owned(), other);
                return;
            }
        };
        match field.name() {
            "message" => self.message = text,
            "event" => self.event = Some(text),
            "order_id" => self.order_id = Some(text),
            "correlation_id" if text.parse::<CorrelationId>().is_ok() => self.correlation_id = text.parse().ok(),
            "symbol" => self.symbol = Some(text),
            "strategy" => self.strategy = Some(text),
            "venue" => self.venue = Some(text),
            "error" => self.error = Some(text),
            name => drop(self.data.insert(name.to_owned(), text.into())),
        }
    }

    fn line(self, metadata: &Metadata<'_>, wall: &Clock) -> LogLine {
        let level = match *metadata.level() {
            tracing::Level::ERROR => Level::Error,
            tracing::Level::WARN => Level::Warn,
            tracing::Level::INFO => Level::Info,
            _ => Level::Debug,
        };
        let exception = |message| Exception { kind: "error".to_owned(), message, backtrace: None };
        LogLine {
            at: wall.now(),
            level,
            service: SERVICE.to_owned(),
            component: component(metadata.target()).to_owned(),
            message: self.message,
            event: self.event,
            order_id: self.order_id,
            correlation_id: self.correlation_id,
            symbol: self.symbol,
            strategy: self.strategy,
            venue: self.venue,
            data: (!self.data.is_empty()).then(|| Value::Object(self.data).to_string()),
            exception: self.error.map(exception),
            file: metadata.file().map(str::to_owned),
            line: metadata.line(),
            target: metadata.target().to_owned(),
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.put(field, format!("{value:?}").into());
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.into());
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value.into());
    }
    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let mut text = value.to_string();
        let mut cause = value.source();
        while let Some(next) = cause {
            text = format!("{text}: {next}");
            cause = next.source();
        }
        self.put(field, text.into());
    }
}

/// The program's name in rows.
const SERVICE: &str = "merganser";

/// The part of the program that a module belongs to: `actors::venues::paper` to `venues`.
fn component(target: &str) -> &str {
    target.split("::").nth(1).unwrap_or(target)
}

fn cut(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(caps::LOG_TEXT_BYTES));
    text
}

fn of_panic(panic: &PanicHookInfo<'_>, wall: &Clock) -> LogLine {
    let thread = std::thread::current();
    let thread = thread.name().unwrap_or("a thread without a name");
    let strategy = thread.strip_prefix("strategy-");
    // As everywhere: only where RUST_BACKTRACE asks for it, for it may take a second.
    let backtrace = Backtrace::capture();
    let backtrace = (backtrace.status() == BacktraceStatus::Captured).then(|| cut(backtrace.to_string()));
    let message = cut(panic.payload_as_str().unwrap_or("a panic without words").to_owned());
    LogLine {
        at: wall.now(),
        level: Level::Error,
        service: SERVICE.to_owned(),
        component: strategy.map_or(thread, |_| "strategies").to_owned(),
        message: format!("the thread {thread} has panicked"),
        event: Some("panic".to_owned()),
        order_id: None,
        correlation_id: None,
        symbol: None,
        strategy: strategy.map(str::to_owned),
        venue: None,
        data: None,
        exception: Some(Exception { kind: "panic".to_owned(), message, backtrace }),
        file: panic.location().map(|l| l.file().to_owned()),
        line: panic.location().map(std::panic::Location::line),
        target: module_path!().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use messages::telemetry::Telemetry;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    /// The lines that reach storage.
    fn stored(level: Level, say: impl FnOnce()) -> Vec<LogLine> {
        let (sender, told) = storage::telemetry::channel(10);
        let sink = Box::leak(Box::new(Sink::new()));
        sink.send_to(sender);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer_to(sink, level)), say);
        let line = |telemetry| match telemetry {
            Telemetry::Log(line) => *line,
            Telemetry::Metric(metric) => panic!("not a line: {metric:?}"),
        };
        told.drain().map(line).collect()
    }

    #[test]
    fn fields_find_their_columns() {
        let cause = std::io::Error::other("the disk is gone");
        let lines = stored(Level::Info, || {
            let error = &cause as &(dyn Error + 'static);
            let strategy = "ema";
            tracing::warn!(event = "tried", strategy, symbol = %"BTCUSDT", count = 3, flag = true, kind = ?Level::Warn, error, "in {} words", 3);
        });
        let [line] = &lines[..] else { panic!("{lines:?}") };
        assert_eq!(
            (line.level, line.component.as_str(), line.message.as_str()),
            (Level::Warn, "telemetry", "in 3 words")
        );
        assert_eq!((line.event.as_deref(), line.strategy.as_deref()), (Some("tried"), Some("ema")));
        assert_eq!((line.symbol.as_deref(), line.order_id.as_deref()), (Some("BTCUSDT"), None));
        assert_eq!(line.data.as_deref(), Some(r#"{"count":3,"flag":true,"kind":"Warn"}"#));
        assert_eq!(line.exception.as_ref().map(|e| e.message.as_str()), Some("the disk is gone"));
        assert!(line.file.as_deref().is_some_and(|f| f.ends_with("telemetry.rs")) && line.line.is_some());
    }

    #[test]
    fn only_our_own_lines_of_the_level_are_stored() {
        let lines = stored(Level::Info, || {
            tracing::error!(target: "hyper::client", "not ours");
            tracing::debug!("too small");
            tracing::info!(target: "actors::venues::paper", "ours");
        });
        let shown: Vec<_> = lines.iter().map(|l| (l.component.as_str(), l.message.as_str())).collect();
        assert_eq!(shown, [("venues", "ours")]);
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let lines = stored(Level::Info, || tracing::info!("{}", "ä".repeat(caps::LOG_TEXT_BYTES)));
        assert_eq!(lines[0].message, "ä".repeat(caps::LOG_TEXT_BYTES / 2));
    }

    #[test]
    fn what_belongs_together_is_found_by_its_id() {
        let id = "01234567-89ab-cdef-0123-456789abcdef";
        let lines = stored(Level::Info, || {
            tracing::info!(correlation_id = %id.parse::<CorrelationId>().unwrap(), order_id = "7", "one");
            tracing::info!(correlation_id = "none of ours", "two");
        });
        assert_eq!(lines[0].correlation_id.map(|id| id.to_string()).as_deref(), Some(id));
        assert_eq!((lines[0].order_id.as_deref(), lines[0].data.as_deref()), (Some("7"), None));
        assert_eq!(lines[1].correlation_id, None);
        assert_eq!(lines[1].data.as_deref(), Some(r#"{"correlation_id":"none of ours"}"#), "and nothing is lost");
    }

    #[test]
    fn a_storm_waits_for_nobody_and_every_line_is_stored_or_counted() {
        let (sender, told) = storage::telemetry::channel(100);
        let sink: &'static Sink = Box::leak(Box::new(Sink::new()));
        sink.send_to(sender.clone());
        // A listener that never takes one: were it waited for, this test would not end.
        let mut sleeps = sink.tap();
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let dispatch = tracing::Dispatch::new(tracing_subscriber::registry().with(layer_to(sink, Level::Info)));
                let storm = move || (0..2_000).for_each(|line| tracing::info!(thread, line, "a line"));
                std::thread::Builder::new()
                    .spawn_scoped(scope, move || tracing::dispatcher::with_default(&dispatch, storm))
                    .unwrap();
            }
        });
        assert_eq!((told.len(), sender.logs_dropped()), (100, 7_900));
        let missed = match sleeps.try_recv() {
            Err(broadcast::error::TryRecvError::Lagged(missed)) => missed,
            other => panic!("it did not miss anything: {other:?}"),
        };
        assert_eq!(missed as usize, 8_000 - caps::LOG_TAP);
    }
}
