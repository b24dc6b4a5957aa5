//! A report as one page: no file beside it, no network, by day and by night, on a phone and on a screen.
//!
//! The script of plotly stands in it once, without the typesetter of formulas that comes with it; a policy in its head
//! forbids the page to load anything.

mod charts;
mod execution;
mod html;
mod months;
mod sections;
mod show;
mod table;

use std::io::Write;

use anyhow::Context;
use messages::UtcNanos;
use plotly::Plot;

use super::Report;
use html::Html;

const STYLE: &str = include_str!("page/page.css");
const SCRIPT: &str = include_str!("page/page.js");

const SECTIONS: [(&str, &str); 6] = [
    ("#overview", "Overview"),
    ("#returns", "Returns"),
    ("#results", "Results"),
    ("#prices", "Prices"),
    ("#execution", "Execution"),
    ("#notes", "Notes"),
];

/// Writes the page.
///
/// # Errors
/// `out` does not take it.
pub fn write(report: &Report, made_at: UtcNanos, out: &mut impl Write) -> anyhow::Result<()> {
    let mut html = Html::default();
    head(&mut html, report);
    out.write_all(html.as_str().as_bytes())?;
    out.write_all(plotly_script().context("plotly's script")?.as_bytes())?;
    let mut html = Html::default();
    body(&mut html, report, made_at)?;
    out.write_all(html.as_str().as_bytes())?;
    Ok(())
}

/// What is read of the report's name.
fn name(report: &Report) -> String {
    match &report.strategy {
        Some(strategy) => format!("{strategy} on {}", report.account),
        None => report.account.clone(),
    }
}

fn head(html: &mut Html, report: &Report) {
    html.markup("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    html.markup("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    html.markup("<meta name=\"color-scheme\" content=\"light dark\">\n");
    html.markup(
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; ",
    );
    html.markup("script-src 'unsafe-inline'; img-src data: blob:\">\n<title>").text(name(report));
    html.markup(" – Merganser report</title>\n<style>").markup(STYLE).markup("</style>\n");
}

fn body(html: &mut Html, report: &Report, made_at: UtcNanos) -> anyhow::Result<()> {
    html.markup("</head>\n<body>\n<a class=\"skip\" href=\"#overview\">To the figures</a>\n<header><h1>")
        .text(name(report));
    html.markup("</h1>");
    if let Some(mark) = report.money.mark() {
        html.markup("<p class=\"money\">").text(mark).markup("</p>");
    }
    html.markup("<p>")
        .text(trimmed(&report.from))
        .markup(" to ")
        .text(trimmed(&report.to))
        .markup(" UTC, in ")
        .text(&report.currency);
    html.markup("; made at ")
        .text(show::instant(made_at))
        .markup(" UTC by Merganser ")
        .markup(env!("CARGO_PKG_VERSION"));
    html.markup("</p><nav aria-label=\"Sections\">");
    for (place, title) in SECTIONS {
        html.markup("<a href=\"").markup(place).markup("\">").markup(title).markup("</a> ");
    }
    html.markup("</nav></header>\n<main>\n<noscript><p class=\"note\">Charts need JavaScript; the tables do not.</p></noscript>\n");
    sections::overview(html, report)?;
    sections::returns(html, report)?;
    sections::results(html, report)?;
    sections::prices(html, report)?;
    execution::section(html, report)?;
    sections::notes(html, report);
    html.markup("</main>\n<script>").markup(SCRIPT).markup("</script>\n</body>\n</html>\n");
    Ok(())
}

/// An instant in text, without a fraction of nothing.
fn trimmed(at: &str) -> &str {
    at.trim_end_matches(".000000")
}

/// The script of plotly with its tags: the first of those that the crate embeds. The second is for formulas, of which there
/// are none here.
fn plotly_script() -> Option<String> {
    const END: &str = "</script>";
    let mut scripts = Plot::offline_js_sources();
    let end = scripts.find(END)? + END.len();
    scripts.truncate(end);
    Some(scripts)
}

#[cfg(test)]
mod tests;
