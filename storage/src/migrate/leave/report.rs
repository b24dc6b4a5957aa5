//! What was exported and what is gone, in words. Pure.

use std::fmt::Write;

use super::columns::Kept;
use super::record::{Exported, OfTable};
use crate::postgres::catalog::one_line;

/// The report, as Markdown.
#[must_use]
pub fn text(exported: &Exported, dropped: &[String], folder: &str) -> String {
    let Exported { server, at, tables, .. } = exported;
    let rows: u64 = tables.iter().map(|table| table.rows).sum();
    let bytes: u64 = tables.iter().flat_map(|table| &table.files).map(|file| file.bytes).sum();
    let mut out = format!(
        "# What stood in {server}\n\nExported {at} UTC into {folder}: {} tables, {rows} rows, {bytes} bytes. Every file was read \
         again by another reader than the one that wrote it, and its rows have the hash of those that the server sent.\n\n\
         | table | is a | rows | files | bytes | now |\n|---|---|---|---|---|---|\n",
        tables.len()
    );
    for table in tables {
        let bytes: u64 = table.files.iter().map(|file| file.bytes).sum();
        let (name, form) = (cell(&table.name), cell(&table.form));
        let (rows, files) = (table.rows, table.files.len());
        let _ = writeln!(out, "| {name} | {form} | {rows} | {files} | {bytes} | {} |", now(table, dropped));
    }
    out += "\nTo read one: `SELECT * FROM read_parquet('…/<table>/part-*.parquet')`, in DuckDB or whatever reads Parquet.\n";
    let texts: Vec<String> = tables.iter().filter_map(kept_as_text).collect();
    if !texts.is_empty() {
        out +=
            "\nColumns that are kept as the text that the server showed, for nothing else holds all that they may:\n\n";
        out += &texts.concat();
    }
    out
}

/// A name of theirs in a table, which must not end the cell.
fn cell(name: &str) -> String {
    one_line(name).replace('|', "\\|")
}

fn now(table: &OfTable, dropped: &[String]) -> &'static str {
    match (dropped.contains(&table.name), table.is_table) {
        (true, _) => "dropped",
        (false, true) => "as it was",
        (false, false) => "left alone: no table, and so never dropped",
    }
}

/// The columns of a table of which the type says more than the text that is kept.
fn kept_as_text(table: &OfTable) -> Option<String> {
    let is_text = |kind: &str| kind == "text" || kind.starts_with("character");
    let columns: Vec<String> = table
        .columns
        .iter()
        .filter(|column| column.kept_as == Kept::Text && !is_text(&column.kind))
        .map(|column| format!("{} {}", column.name, column.kind))
        .collect();
    (!columns.is_empty()).then(|| format!("- {}\n", one_line(&format!("{}: {}", table.name, columns.join(", ")))))
}

#[cfg(test)]
mod tests {
    use super::super::columns::Column;
    use super::*;

    #[test]
    fn no_name_breaks_a_line_or_a_cell() {
        let column =
            Column { name: "pri\nce".to_owned(), kind: "numeric".to_owned(), is_required: false, kept_as: Kept::Text };
        let table = OfTable {
            name: "public.odd\n|name".to_owned(),
            sql: "\"public\".\"odd\n|name\"".to_owned(),
            form: "table".to_owned(),
            is_table: true,
            columns: vec![column],
            rows: 7,
            fingerprint: String::new(),
            files: Vec::new(),
        };
        let exported = Exported {
            format: 1,
            server: "there".to_owned(),
            database: "market".to_owned(),
            at: "2026-03-01".to_owned(),
            tables: vec![table],
        };
        let text = text(&exported, &[], "here");
        assert!(text.contains("\n| public.odd \\|name | table | 7 | 0 | 0 | as it was |\n"), "{text}");
        assert!(text.ends_with("\n- public.odd |name: pri ce numeric\n"), "{text}");
    }
}
