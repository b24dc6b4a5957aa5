//! What people see: logs on stderr, answers on stdout.

use std::io::{IsTerminal, Write};

use anyhow::{Context, bail};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use clap::ValueEnum;
use messages::caps;
use messages::telemetry::Level;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use serde::{Deserialize, Serialize};
use storage::sql::Answer;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::{FilterExt, filter_fn};
use tracing_subscriber::layer::{Filter, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use crate::telemetry;

mod json;

pub use json::{Table, json, json_lines};

/// How an answer is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// For people.
    Table,
    /// RFC 4180: header, LF, NULL empty, decimals at full scale.
    Csv,
    /// One array of objects; decimals and large whole numbers as text.
    Json,
    /// A Parquet file.
    Parquet,
    /// An Arrow IPC stream.
    Arrow,
}

impl Format {
    /// What an answer over HTTP says that it is.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Table => "text/plain; charset=utf-8",
            Self::Csv => "text/csv; charset=utf-8",
            Self::Json => "application/json",
            Self::Parquet => "application/vnd.apache.parquet",
            Self::Arrow => "application/vnd.apache.arrow.stream",
        }
    }

    /// Whether an answer is no text.
    fn is_binary(self) -> bool {
        matches!(self, Self::Parquet | Self::Arrow)
    }
}

/// Prints one line of an answer.
pub fn line(line: std::fmt::Arguments<'_>) {
    said(writeln!(std::io::stdout().lock(), "{line}"));
}

/// Prints an answer that brings its own line ends.
pub fn text(text: &str) {
    bytes(text.as_bytes());
}

/// Prints an answer as it is.
pub fn bytes(bytes: &[u8]) {
    said(std::io::stdout().lock().write_all(bytes).and_then(|()| std::io::stdout().flush()));
}

/// Prints a table of texts, for people.
pub fn columns<const N: usize>(head: [&str; N], rows: impl IntoIterator<Item = [String; N]>) {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::UTF8_BORDERS_ONLY);
    table.set_header(head);
    rows.into_iter().for_each(|row| _ = table.add_row(row));
    line(format_args!("{table}"));
}

/// Refuses to print what no terminal shows.
///
/// # Errors
/// The answer is a file and goes to a terminal.
pub fn refuse_terminal(format: Format) -> anyhow::Result<()> {
    if format.is_binary() && std::io::stdout().is_terminal() {
        bail!("this format is not for a terminal; add `> answer`");
    }
    Ok(())
}

/// Who reads may have seen enough (`| head`): then the program ends without a word, as others do.
fn said(result: std::io::Result<()>) {
    match result {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => {
            eprintln!("error: cannot write the answer: {error}");
            std::process::exit(1);
        }
    }
}

/// Sends logs to stderr: warnings, or more with -v; `MERGANSER_LOG` overrules both. Those of the level
/// `stored` go to the tables as well, once a runtime is up.
pub fn start_logs(verbose: u8, stored: Level) {
    let level = match verbose {
        0 => "warn",
        1 => "info",
        _ => "debug",
    };
    let filter = EnvFilter::try_from_env("MERGANSER_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    let colours = std::io::stderr().is_terminal();
    let stderr = tracing_subscriber::fmt::layer().with_ansi(colours).with_writer(std::io::stderr).compact();
    let stderr = stderr.with_filter(without_frames(filter));
    tracing_subscriber::registry().with(stderr).with(telemetry::layer(stored)).init();
    telemetry::hook_panics();
}

/// What is asked for, without the frames of WebSockets: they hold keys and signatures, and no wish for more lines shall show them.
fn without_frames<S: 'static>(asked: EnvFilter) -> impl Filter<S> + 'static {
    let others = filter_fn(|line| *line.level() != tracing::Level::TRACE || !line.target().contains("tungstenite"));
    // It allows every level. Without saying so it would have all lines of every library made, only to drop them.
    FilterExt::<S>::and(asked, others.with_max_level_hint(LevelFilter::TRACE))
}

const TIMESTAMP: &str = "%Y-%m-%d %H:%M:%S%.6f";

/// Writes an answer as text.
pub fn write(answer: &Answer, format: Format, out: &mut (impl Write + Send)) -> anyhow::Result<()> {
    match format {
        Format::Table => table(answer, out),
        Format::Csv => csv_rows(answer, true, out),
        Format::Json => json(&Table(answer), out),
        Format::Parquet => parquet(answer, out),
        Format::Arrow => arrow(answer, out),
    }
    .and_then(|()| Ok(out.flush()?))
    .context("cannot write the answer")
}

/// Calls `row` with the texts of each row; `None` for NULL.
fn rows(answer: &Answer, mut row: impl FnMut(&[Option<String>]) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let options = FormatOptions::new().with_timestamp_format(Some(TIMESTAMP));
    for batch in &answer.batches {
        let columns: Result<Vec<_>, _> = batch.columns().iter().map(|c| ArrayFormatter::try_new(c, &options)).collect();
        let columns = columns?;
        for n in 0..batch.num_rows() {
            let cells: Vec<Option<String>> = batch
                .columns()
                .iter()
                .zip(&columns)
                .map(|(column, formatter)| (!column.is_null(n)).then(|| formatter.value(n).to_string()))
                .collect();
            row(&cells)?;
        }
    }
    Ok(())
}

/// Writes rows as CSV, behind their header or without one.
///
/// # Errors
/// `out` refuses.
pub fn csv_rows(answer: &Answer, with_header: bool, out: &mut impl Write) -> anyhow::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    if with_header {
        writer.write_record(answer.schema.fields().iter().map(|f| f.name()))?;
    }
    rows(answer, |cells| {
        let texts = cells.iter().map(|c| c.as_deref().unwrap_or(""));
        writer.write_record(texts).map_err(Into::into)
    })?;
    writer.flush()?;
    Ok(())
}

fn table(answer: &Answer, out: &mut impl Write) -> anyhow::Result<()> {
    let cells = answer.schema.fields().len() * answer.batches.iter().map(|b| b.num_rows()).sum::<usize>();
    if cells > caps::TABLE_CELLS {
        bail!("{cells} cells are too many for a table; add --format csv, or ask for fewer rows or columns");
    }
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::UTF8_BORDERS_ONLY);
    table.set_header(answer.schema.fields().iter().map(|f| f.name().clone()));
    let mut count = 0;
    rows(answer, |cells| {
        count += 1;
        table.add_row(cells.iter().map(|c| c.as_deref().unwrap_or("NULL")));
        Ok(())
    })?;
    writeln!(out, "{table}")?;
    writeln!(out, "{count} row{}", if count == 1 { "" } else { "s" })?;
    Ok(())
}

fn parquet(answer: &Answer, out: &mut (impl Write + Send)) -> anyhow::Result<()> {
    let properties = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default())).build();
    let mut writer = ArrowWriter::try_new(out, answer.schema.clone(), Some(properties))?;
    answer.batches.iter().try_for_each(|batch| writer.write(batch))?;
    writer.close()?;
    Ok(())
}

fn arrow(answer: &Answer, out: &mut impl Write) -> anyhow::Result<()> {
    let mut writer = arrow::ipc::writer::StreamWriter::try_new(out, &answer.schema)?;
    answer.batches.iter().try_for_each(|batch| writer.write(batch))?;
    writer.finish()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int64Array, RecordBatch, StringArray};
    use arrow::datatypes::{DataType, Field, Schema};

    use super::*;

    fn answer(rows: i64) -> Answer {
        let fields = vec![Field::new("z", DataType::Int64, true), Field::new("a", DataType::Utf8, true)];
        let schema = Arc::new(Schema::new(fields));
        let (numbers, texts) =
            (Int64Array::from_iter_values(0..rows), StringArray::from(vec![None::<&str>; rows as usize]));
        let batch = RecordBatch::try_new(schema.clone(), vec![Arc::new(numbers), Arc::new(texts)]).unwrap();
        Answer { schema, batches: vec![batch] }
    }

    #[test]
    fn json_has_the_columns_in_their_order() {
        let mut out = Vec::new();
        write(&answer(1), Format::Json, &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "[\n  {\n    \"z\": 0,\n    \"a\": null\n  }\n]\n");
    }

    #[test]
    fn frames_are_not_traced_whatever_is_asked_for() {
        for asked in ["trace", "tungstenite=trace", "tungstenite::protocol=trace"] {
            let stderr = tracing_subscriber::fmt::layer().with_writer(std::io::sink);
            let filtered = stderr.with_filter(without_frames(EnvFilter::new(asked)));
            tracing::subscriber::with_default(tracing_subscriber::registry().with(filtered), || {
                assert!(tracing::enabled!(target: "tungstenite::protocol", tracing::Level::DEBUG), "{asked}");
                assert!(!tracing::enabled!(target: "tungstenite::protocol", tracing::Level::TRACE), "{asked}");
            });
        }
    }

    #[test]
    fn a_table_has_its_bound() {
        let rows = i64::try_from(caps::TABLE_CELLS / 2).unwrap() + 1;
        let error = write(&answer(rows), Format::Table, &mut Vec::new()).unwrap_err();
        assert!(format!("{error:#}").contains("--format csv"), "{error:#}");
    }
}
