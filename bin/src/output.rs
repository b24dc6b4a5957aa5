//! What people see: logs on stderr, answers on stdout.

use std::io::{IsTerminal, Write};

use anyhow::{Context, bail};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use clap::ValueEnum;
use messages::telemetry::Level;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use serde::{Deserialize, Serialize};
use storage::sql::Answer;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use crate::telemetry;

/// How an answer is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// For people.
    Table,
    /// RFC 4180: header, LF, NULL empty, decimals at full scale.
    Csv,
    /// One array of objects; decimals as text.
    Json,
    /// A Parquet file.
    Parquet,
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

/// Refuses to print what no terminal shows.
///
/// # Errors
/// The answer is a file and goes to a terminal.
pub fn refuse_terminal(format: Format) -> anyhow::Result<()> {
    if format == Format::Parquet && std::io::stdout().is_terminal() {
        bail!("a Parquet file is not for a terminal; add `> answer.parquet`");
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
    tracing_subscriber::registry().with(stderr.with_filter(filter)).with(telemetry::layer(stored)).init();
    telemetry::hook_panics();
}

const TIMESTAMP: &str = "%Y-%m-%d %H:%M:%S%.6f";

/// Writes an answer as text.
pub fn write(answer: &Answer, format: Format, out: &mut impl Write) -> anyhow::Result<()> {
    match format {
        Format::Table => table(answer, out),
        Format::Csv => csv(answer, out),
        Format::Json => json(&json_rows(answer)?, out),
        Format::Parquet => parquet(answer, out),
    }
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

fn csv(answer: &Answer, out: &mut impl Write) -> anyhow::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(answer.schema.fields().iter().map(|f| f.name()))?;
    rows(answer, |cells| {
        let texts = cells.iter().map(|c| c.as_deref().unwrap_or(""));
        writer.write_record(texts).map_err(Into::into)
    })?;
    writer.flush()?;
    Ok(())
}

fn table(answer: &Answer, out: &mut impl Write) -> anyhow::Result<()> {
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

fn parquet(answer: &Answer, out: &mut impl Write) -> anyhow::Result<()> {
    let properties = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default())).build();
    let mut writer = ArrowWriter::try_new(Vec::new(), answer.schema.clone(), Some(properties))?;
    answer.batches.iter().try_for_each(|batch| writer.write(batch))?;
    out.write_all(&writer.into_inner()?)?;
    Ok(())
}

/// Writes a value of JSON, for people to read.
pub fn json(value: &impl Serialize, out: &mut impl Write) -> anyhow::Result<()> {
    serde_json::to_writer_pretty(&mut *out, value)?;
    writeln!(out)?;
    Ok(())
}

/// The rows of an answer as objects; decimals as text.
pub fn json_rows(answer: &Answer) -> anyhow::Result<Vec<serde_json::Value>> {
    let fields = answer.schema.fields();
    let mut all = Vec::new();
    rows(answer, |cells| {
        let object =
            fields.iter().zip(cells).map(|(field, cell)| (field.name().clone(), json_value(field.data_type(), cell)));
        all.push(serde_json::Value::Object(object.collect()));
        Ok(())
    })?;
    Ok(all)
}

fn json_value(data_type: &arrow::datatypes::DataType, cell: &Option<String>) -> serde_json::Value {
    use serde_json::Value;
    let Some(text) = cell else { return Value::Null };
    match data_type {
        t if t.is_integer() => serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.clone())),
        arrow::datatypes::DataType::Boolean => Value::Bool(text == "true"),
        t if t.is_floating() => serde_json::from_str(text).unwrap_or(Value::Null),
        _ => Value::String(text.clone()),
    }
}
