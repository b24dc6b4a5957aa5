//! The sections of a page, in their order: each a chart with the tables that say the same.

use messages::Cash;

use super::charts::{self, Chart};
use super::html::Html;
use super::months;
use super::show::{self, Shown};
use super::table::{list, table};
use crate::report::figures::figure::Figure;
use crate::report::figures::results::Row;
use crate::report::{Priced, Report};

/// Marks of an instrument that its table has: the newest.
const MARKS: usize = 40;

const PRICE: &str = "a price of every open position";

/// Opens a section.
fn section(html: &mut Html, id: &'static str, title: &'static str) {
    html.markup("<section id=\"").markup(id).markup("\"><h2>").markup(title).markup("</h2>\n");
}

fn chart(html: &mut Html, chart: &Chart) -> anyhow::Result<()> {
    html.markup("<figure><figcaption>")
        .text(&chart.title)
        .markup("</figcaption><div class=\"chart\" role=\"img\" id=\"chart-");
    html.text(&chart.id).markup("\" aria-label=\"").text(&chart.label).markup("\"></div>");
    html.markup("<script type=\"application/json\" data-chart=\"").text(&chart.id).markup("\">");
    html.json(&serde_json::to_string(&chart.figure)?).markup("</script></figure>\n");
    Ok(())
}

/// The headline.
pub fn overview(html: &mut Html, report: &Report) -> anyhow::Result<()> {
    let p = &report.performance;
    section(html, "overview", "Overview");
    html.markup("<div class=\"tiles\">");
    list(
        html,
        &[
            ("Profit", show::maybe_gain(p.profit, "a sum that fits")),
            ("Total return", show::percent(&p.total_return)),
            ("Max drawdown", show::part(&p.max_drawdown)),
            ("Sharpe", show::ratio(&p.sharpe)),
            ("Round trips", show::count(report.trips.count)),
            ("Win rate", show::part(&report.trips.win_rate)),
        ],
    );
    html.markup("</div>");
    chart(html, &charts::equity(report))?;
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
        ("Longest drawdown", Shown::text(show::time(p.longest_drawdown_seconds))),
        ("Start value", show::money(p.start_value)),
        ("End value", show::money(p.end_value)),
        ("Paid in meanwhile", show::money(p.paid_in)),
        ("Time in market", show::part(&p.exposure)),
        ("Mean leverage", show::ratio(&p.mean_leverage)),
        ("Max leverage", show::ratio(&p.max_leverage)),
        ("Turnover", show::money(p.turnover)),
        ("Turnover / value", show::ratio(&p.turnover_of_value)),
        ("Turnover / value, a year", show::ratio(&p.turnover_per_year)),
        ("Fees", show::money(p.fees)),
    ];
    list(html, &items);
    html.markup("<p class=\"note\">").text(format_args!(
        "{} returns of {}; a year is 365 days, the risk-free rate 0.",
        p.returns,
        p.period.name()
    ));
    html.markup("</p>");
    months::table(html, &report.months);
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
    chart(html, &charts::strategies(report))?;
    let total = result(&Row { name: "all".to_owned(), ..report.total.clone() });
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
    html.markup("<h3>Round trips</h3>");
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

/// Execution quality.
pub fn execution(html: &mut Html, report: &Report) -> anyhow::Result<()> {
    let execution = &report.execution;
    section(html, "execution", "Execution quality");
    let orders: Vec<_> = execution.orders.iter().map(orders).collect();
    let head = [
        "type",
        "orders",
        "denied",
        "rejected",
        "with fills",
        "filled",
        "canceled",
        "expired",
        "reject rate",
        "fill rate",
    ];
    table(html, "Orders", &head, &orders);
    let refusals: Vec<_> = execution
        .refusals
        .iter()
        .map(|refusal| {
            let code = refusal.reason_code.clone().unwrap_or_else(|| "no reason was given".to_owned());
            (code, vec![Shown::text(&refusal.status), show::count(refusal.orders)])
        })
        .collect();
    table(html, "Refusals", &["reason", "by", "orders"], &refusals);
    let quantiles = |spread: &crate::report::figures::execution::Spread, places| {
        let cells = [spread.p50, spread.p95, spread.p99].map(|value| show::maybe_decimals(value, places));
        std::iter::once(show::count(spread.count)).chain(cells).collect::<Vec<_>>()
    };
    let times: Vec<_> = execution
        .times
        .iter()
        .map(|times| (format!("{}, {}", times.step, times.order_type), quantiles(&times.ms, 3)))
        .collect();
    table(html, "Time from step to step, in ms", &["step", "orders", "p50", "p95", "p99"], &times);
    if let Some(slippage) = charts::slippage(report) {
        chart(html, &slippage)?;
    }
    let slippage: Vec<_> = execution
        .slippage
        .iter()
        .map(|slippage| {
            let mut cells = quantiles(&slippage.bps, 2);
            cells.insert(0, show::count(slippage.fills));
            cells.insert(2, show::ratio(&slippage.mean_bps));
            (slippage.order_type.clone(), cells)
        })
        .collect();
    let head = ["type", "fills", "measured", "mean", "p50", "p95", "p99"];
    table(html, "Slippage against the market at the decision, in basis points; positive is a cost", &head, &slippage);
    html.markup("</section>\n");
    Ok(())
}

fn orders(of: &crate::report::figures::execution::Orders) -> (String, Vec<Shown>) {
    let counts =
        [of.orders, of.denied, of.rejected, of.with_fills, of.filled, of.canceled, of.expired].map(show::count);
    let rates = [&of.reject_rate, &of.fill_rate].map(show::part);
    (of.order_type.clone(), counts.into_iter().chain(rates).collect())
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
