//! The sections of a page, in their order: each a chart with the tables that say the same.

use messages::Cash;

use super::charts::{self, Chart};
use super::html::Html;
use super::months;
use super::show::{self, Shown};
use super::table::{list, table};
use crate::report::figures::figure::Figure;
use crate::report::figures::performance::ONE_CURRENCY;
use crate::report::figures::results::Row;
use crate::report::{Priced, Report};

/// Marks of an instrument that its table has: the newest.
const MARKS: usize = 40;

const PRICE: &str = "a price of every open position";

/// Opens a section.
pub fn section(html: &mut Html, id: &'static str, title: &'static str) {
    html.markup("<section id=\"").markup(id).markup("\"><h2>").markup(title).markup("</h2>\n");
}

/// Adds a chart with what it shows in words.
///
/// # Errors
/// It cannot be written.
pub fn chart(html: &mut Html, chart: &Chart) -> anyhow::Result<()> {
    html.markup("<figure><figcaption>")
        .text(&chart.title)
        .markup("</figcaption><div class=\"chart\" role=\"img\" id=\"chart-");
    html.text(&chart.id).markup("\" aria-label=\"").text(&chart.label).markup("\"></div>");
    html.markup("<script type=\"application/json\" data-chart=\"").text(&chart.id).markup("\">");
    html.json(&serde_json::to_string(&chart.figure)?).markup("</script></figure>\n");
    Ok(())
}

/// A name of sums, with their currency where there is more in another.
fn in_its_currency(name: &str, report: &Report) -> String {
    if report.elsewhere.is_empty() { name.to_owned() } else { format!("{name} in {}", report.currency) }
}

/// The headline.
pub fn overview(html: &mut Html, report: &Report) -> anyhow::Result<()> {
    let p = &report.performance;
    section(html, "overview", "Overview");
    html.markup("<div class=\"tiles\">");
    list(
        html,
        &[
            ("Profit", show::maybe_gain(p.profit, p.total_return.needs().unwrap_or("a sum that fits"))),
            ("Total return", show::percent(&p.total_return)),
            ("Max drawdown", show::part(&p.max_drawdown)),
            ("Sharpe", show::ratio(&p.sharpe)),
            (&in_its_currency("Round trips", report), show::count(report.trips.count)),
            (&in_its_currency("Win rate", report), show::part(&report.trips.win_rate)),
        ],
    );
    html.markup("</div>");
    if report.drawn.equity.is_empty() {
        html.markup("<p class=\"note\">The curve is unknown.</p>");
    } else {
        chart(html, &charts::equity(report))?;
    }
    let rows: Vec<_> = report.drawdowns.iter().map(drawdown).collect();
    table(html, "Deepest drawdowns", &["peak", "depth", "lowest at", "recovered at", "lasted"], &rows);
    html.markup("</section>\n");
    Ok(())
}

fn drawdown(fall: &crate::report::figures::drawdown::Drawdown) -> (String, Vec<Shown>) {
    let open = Shown { title: "it had not reached its peak again at the end".to_owned(), ..Shown::text("not yet") };
    let lasted = fall.recovered_at.map(|at| show::time(at.since(fall.peak_at) as f64 / 1e9));
    let cells = vec![
        show::part(&Figure::Known(fall.depth)),
        Shown::text(show::instant(fall.trough_at)),
        fall.recovered_at.map_or_else(|| open.clone(), |at| Shown::text(show::instant(at))),
        lasted.map_or(open, Shown::text),
    ];
    (show::instant(fall.peak_at), cells)
}

/// Returns and ratios.
pub fn returns(html: &mut Html, report: &Report) -> anyhow::Result<()> {
    let p = &report.performance;
    section(html, "returns", "Returns and risk");
    let items = [
        ("CAGR", show::percent(&p.cagr)),
        ("Volatility, a year", show::part(&p.volatility)),
        ("Sharpe", show::ratio(&p.sharpe)),
        ("Sortino", show::ratio(&p.sortino)),
        ("Calmar", show::ratio(&p.calmar)),
        ("Longest drawdown", show::seconds(&p.longest_drawdown_seconds)),
        ("Start value", show::money(p.start_value)),
        ("End value", show::maybe_money(p.end_value, ONE_CURRENCY)),
        ("Paid in, and price changes of what was paid in", show::money(p.paid_in)),
        ("Time in market", show::part(&p.exposure)),
        ("Mean leverage", show::ratio(&p.mean_leverage)),
        ("Max leverage", show::ratio(&p.max_leverage)),
        ("Turnover", show::maybe_money(p.turnover, ONE_CURRENCY)),
        ("Turnover / value", show::ratio(&p.turnover_of_value)),
        ("Turnover / value, a year", show::ratio(&p.turnover_per_year)),
        ("Fees", show::maybe_money(p.fees, ONE_CURRENCY)),
    ];
    list(html, &items);
    html.markup("<p class=\"note\">").text(format_args!(
        "{} returns of {}; a year is 365 days, the risk-free rate 0.",
        p.returns,
        p.period.name()
    ));
    html.markup("</p>");
    if !report.months.is_empty() {
        months::table(html, &report.months);
    }
    if let Some(returns) = charts::returns(report) {
        chart(html, &returns)?;
    }
    html.markup("</section>\n");
    Ok(())
}

const RESULTS: &[&str] = &[
    "",
    "currency",
    "net",
    "realized",
    "unrealized",
    "fees",
    "turnover",
    "fills",
    "round trips",
    "win rate",
    "profit factor",
    "average win",
    "average loss",
    "expectancy",
    "held",
];

fn result(row: &Row) -> (String, Vec<Shown>) {
    let trips = &row.trips;
    let cells = vec![
        row.currency.as_deref().map_or_else(|| Shown::unknown("the instrument's rules"), Shown::text),
        show::maybe_gain(row.net, PRICE),
        show::gain(row.realized),
        show::maybe_gain(row.unrealized_change, PRICE),
        show::money(row.fees),
        show::money(row.turnover),
        show::count(row.fills),
        show::count(trips.count),
        show::part(&trips.win_rate),
        show::ratio(&trips.profit_factor),
        show::average(&trips.average_win),
        show::average(&trips.average_loss),
        show::average(&trips.expectancy),
        show::seconds(&trips.average_held_seconds),
    ];
    (row.name.clone(), cells)
}

/// What came out by strategy and by instrument.
pub fn results(html: &mut Html, report: &Report) -> anyhow::Result<()> {
    section(html, "results", "Strategies and instruments");
    if report.strategies.is_empty() {
        html.markup("<p>Nothing was traded.</p></section>\n");
        return Ok(());
    }
    if !report.drawn.earned.is_empty() {
        chart(html, &charts::strategies(report))?;
    }
    let total = result(&Row { name: in_its_currency("all", report), ..report.total.clone() });
    let mut rows: Vec<_> = report.strategies.iter().map(result).collect();
    rows.push(total);
    table(html, "Results by strategy", RESULTS, &rows);
    if let Some(symbols) = charts::symbols(&report.symbols, &report.currency) {
        chart(html, &symbols)?;
    }
    table(html, "Results by instrument", RESULTS, &report.symbols.iter().map(result).collect::<Vec<_>>());
    trips(html, report);
    html.markup("</section>\n");
    Ok(())
}

fn trips(html: &mut Html, report: &Report) {
    let trips = &report.trips;
    let extreme = |amount: Option<Cash>| show::maybe_gain(amount, "a round trip that is over");
    html.markup("<h3>").text(in_its_currency("Round trips", report)).markup("</h3>");
    list(
        html,
        &[
            ("Over", show::count(trips.count)),
            ("Won", show::count(trips.wins)),
            ("Lost", show::count(trips.losses)),
            ("Open at the end", show::count(trips.open)),
            ("Begun before", show::count(trips.left_out)),
            ("Win rate", show::part(&trips.win_rate)),
            ("Profit factor", show::ratio(&trips.profit_factor)),
            ("Average win", show::average(&trips.average_win)),
            ("Average loss", show::average(&trips.average_loss)),
            ("Expectancy", show::average(&trips.expectancy)),
            ("Best", extreme(trips.best)),
            ("Worst", extreme(trips.worst)),
            ("Average time held", show::seconds(&trips.average_held_seconds)),
        ],
    );
}

/// Fills on prices.
pub fn prices(html: &mut Html, report: &Report) -> anyhow::Result<()> {
    section(html, "prices", "Fills on prices");
    html.markup("<p class=\"note\">One mark for each bar and side, at the average price of the fills in it.</p>");
    for (n, priced) in report.drawn.prices.iter().enumerate() {
        chart(html, &charts::prices(n, priced))?;
        marks(html, priced);
    }
    html.markup("</section>\n");
    Ok(())
}

fn marks(html: &mut Html, priced: &Priced) {
    let newest = priced.marks.iter().rev().take(MARKS);
    let rows: Vec<_> = newest
        .map(|((opens, side), mark)| {
            let price =
                mark.price().map_or_else(|| Shown::unknown("a quantity"), |price| Shown::text(price.to_string()));
            let quantity = Shown::text(mark.quantity.to_string());
            (show::instant(*opens), vec![Shown::text(side.as_str()), quantity, price, show::count(mark.fills)])
        })
        .collect();
    let which = if priced.marks.len() > MARKS { format!("the newest {MARKS}") } else { "all".to_owned() };
    html.markup("<details><summary>As a table</summary>");
    table(
        html,
        &format!("Marks on {}, {which}", priced.instrument),
        &["bar", "side", "quantity", "average price", "fills"],
        &rows,
    );
    html.markup("</details>\n");
}

/// What people should know beside the figures.
pub fn notes(html: &mut Html, report: &Report) {
    section(html, "notes", "Notes");
    html.markup("<ul>");
    for note in &report.notes {
        html.markup("<li>").text(note).markup("</li>");
    }
    html.markup("<li>Each figure's formula stands in Merganser's guide to reports (docs/guide/reports.md).</li></ul></section>\n");
}
