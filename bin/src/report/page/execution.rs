//! The section on execution quality: what became of orders, how long it took, what fills cost against the market.

use super::charts;
use super::html::Html;
use super::sections;
use super::show::{self, Shown};
use super::table::table;
use crate::report::Report;
use crate::report::figures::execution::{Orders, Spread};

/// Adds the section.
///
/// # Errors
/// A chart cannot be written.
pub fn section(html: &mut Html, report: &Report) -> anyhow::Result<()> {
    let execution = &report.execution;
    sections::section(html, "execution", "Execution quality");
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
    let quantiles = |spread: &Spread, places| {
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
        sections::chart(html, &slippage)?;
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

fn orders(of: &Orders) -> (String, Vec<Shown>) {
    let counts =
        [of.orders, of.denied, of.rejected, of.with_fills, of.filled, of.canceled, of.expired].map(show::count);
    let rates = [&of.reject_rate, &of.fill_rate].map(show::part);
    (of.order_type.clone(), counts.into_iter().chain(rates).collect())
}
