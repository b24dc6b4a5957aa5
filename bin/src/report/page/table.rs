//! Tables of a page: a caption, a head, rows whose first cell names them. A wide one scrolls by itself.

use super::html::Html;
use super::show::Shown;

/// A row: its name, then its cells.
pub type Row = (String, Vec<Shown>);

/// Adds a table; nothing without rows.
pub fn table(html: &mut Html, caption: &str, head: &[&str], rows: &[Row]) {
    if rows.is_empty() {
        return;
    }
    html.markup("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"").text(caption);
    html.markup("\"><table><caption>").text(caption).markup("</caption><thead><tr>");
    for name in head {
        html.markup("<th scope=\"col\">").text(name).markup("</th>");
    }
    html.markup("</tr></thead><tbody>");
    for (name, cells) in rows {
        html.markup("<tr><th scope=\"row\">").text(name).markup("</th>");
        cells.iter().for_each(|cell| self::cell(html, cell));
        html.markup("</tr>");
    }
    html.markup("</tbody></table></div>\n");
}

fn cell(html: &mut Html, shown: &Shown) {
    html.markup("<td class=\"").text(shown.class).markup("\"");
    title(html, shown);
    html.markup(">").text(&shown.text).markup("</td>");
}

/// Adds a list of names and values.
pub fn list(html: &mut Html, items: &[(&str, Shown)]) {
    html.markup("<dl>");
    for (name, shown) in items {
        html.markup("<div><dt>").text(name).markup("</dt><dd class=\"").text(shown.class).markup("\"");
        title(html, shown);
        html.markup(">").text(&shown.text);
        if shown.class == "unknown" {
            html.markup("<small>").text(&shown.title).markup("</small>");
        }
        html.markup("</dd></div>");
    }
    html.markup("</dl>\n");
}

fn title(html: &mut Html, shown: &Shown) {
    if !shown.title.is_empty() {
        html.markup(" title=\"").text(&shown.title).markup("\"");
    }
}
