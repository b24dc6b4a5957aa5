//! The charts of a page, as plotly draws them. Colours of lines are the same by day and by night; the page's script sets the
//! rest by the reader's theme.

use messages::orders::Side;
use plotly::common::{Fill, Line, Marker, MarkerSymbol, Mode, Visible};
use plotly::layout::{Axis, BarMode, HoverMode, Layout, Legend, Margin, RangeSlider};
use plotly::{Bar, Candlestick, Scatter, Trace, Traces};
use serde::Serialize;

use super::show;
use crate::report::figures::results::Row;
use crate::report::{Priced, Report};

const BLUE: &str = "#3b82f6";
const GREEN: &str = "#16a34a";
const RED: &str = "#dc2626";

/// Lines of strategies, one after the other.
const LINES: [&str; 8] = [BLUE, "#f59e0b", "#8b5cf6", "#14b8a6", "#ec4899", "#84cc16", "#64748b", "#f97316"];

/// Columns of a histogram.
const COLUMNS: usize = 40;

/// Strategies that are drawn at first; the others appear when their name is pressed.
const SHOWN: usize = LINES.len();

/// A chart.
pub struct Chart {
    /// Its place in the page.
    pub id: String,
    /// What is above it.
    pub title: String,
    /// What it shows, for who does not see it.
    pub label: String,
    /// What it is drawn from.
    pub figure: Figure,
}

/// What plotly draws.
#[derive(Serialize)]
pub struct Figure {
    data: Traces,
    layout: Layout,
}

impl Figure {
    fn new(traces: Vec<Box<dyn Trace>>, layout: Layout) -> Self {
        let mut data = Traces::new();
        traces.into_iter().for_each(|trace| data.push(trace));
        Self { data, layout }
    }
}

/// What every chart has.
fn layout() -> Layout {
    Layout::new()
        .hover_mode(HoverMode::XUnified)
        .margin(Margin::new().left(64).right(16).top(16).bottom(40))
        .legend(Legend::new().orientation(plotly::common::Orientation::Horizontal).y(1.08))
}

/// plotly reads markup in names and texts; a name is none.
fn plain(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The value of the account, and below it how far it is under its peak.
pub fn equity(report: &Report) -> Chart {
    let points = &report.drawn.equity;
    let times: Vec<String> = points.iter().map(|point| point.at.to_string()).collect();
    let values = points.iter().map(|point| point.value.to_f64()).collect();
    let falls = points.iter().map(|point| -100.0 * point.drawdown).collect();
    let value = Scatter::new(times.clone(), values).name("value").mode(Mode::Lines).line(Line::new().color(BLUE));
    let fall = Scatter::new(times, falls)
        .name("below its peak")
        .mode(Mode::Lines)
        .line(Line::new().color(RED).width(1.0))
        .fill(Fill::ToZeroY)
        .y_axis("y2");
    let layout = layout()
        .x_axis(Axis::new().anchor("y2"))
        .y_axis(Axis::new().title(plain(&report.currency)).domain(&[0.36, 1.0]))
        .y_axis2(Axis::new().title("drawdown").tick_suffix(" %").domain(&[0.0, 0.28]));
    Chart {
        id: "equity".to_owned(),
        title: "Value and drawdown".to_owned(),
        label: format!(
            "Value of the account from {} to {} {}, largest fall {}",
            show::money(report.performance.start_value).text,
            show::maybe_money(report.performance.end_value, "a value").text,
            report.currency,
            show::part(&report.performance.max_drawdown).text
        ),
        figure: Figure::new(vec![value, fall], layout),
    }
}

/// What each strategy earned over time.
pub fn strategies(report: &Report) -> Chart {
    let times: Vec<String> = report.drawn.instants.iter().map(ToString::to_string).collect();
    let mut traces: Vec<Box<dyn Trace>> = Vec::new();
    for (n, (strategy, earned)) in report.drawn.earned.iter().enumerate() {
        let earned = earned.iter().map(|sum| sum.to_f64()).collect();
        let visible = if n < SHOWN { Visible::True } else { Visible::LegendOnly };
        let line = Line::new().color(LINES[n % LINES.len()]);
        let name = plain(strategy.as_str());
        traces.push(Scatter::new(times.clone(), earned).name(name).mode(Mode::Lines).line(line).visible(visible));
    }
    let layout = layout().y_axis(Axis::new().title(plain(&report.currency))).show_legend(true);
    let names: Vec<&str> = report.strategies.iter().map(|row| row.name.as_str()).collect();
    Chart {
        id: "strategies".to_owned(),
        title: format!("Profit by strategy, in {}", report.currency),
        label: format!("Profit after fees over time of {}; the table below has the sums", names.join(", ")),
        figure: Figure::new(traces, layout),
    }
}

/// Fills on the bars of an instrument.
pub fn prices(n: usize, priced: &Priced) -> Chart {
    let Priced { instrument, length, bars, .. } = priced;
    let times = bars.iter().map(|bar| bar.at.to_string()).collect();
    let of = |price: fn(&crate::report::load::prices::Bar) -> f64| bars.iter().map(price).collect::<Vec<f64>>();
    let candles = Candlestick::new(times, of(|b| b.open), of(|b| b.high), of(|b| b.low), of(|b| b.close)).name("price");
    let buys = marks(priced, Side::Buy, GREEN, MarkerSymbol::TriangleUp);
    let sells = marks(priced, Side::Sell, RED, MarkerSymbol::TriangleDown);
    let layout = layout()
        .hover_mode(HoverMode::Closest)
        .x_axis(Axis::new().range_slider(RangeSlider::new().visible(false)))
        .y_axis(Axis::new().title("price"));
    let each = messages::durations::format(*length);
    let fills: u64 = priced.marks.values().map(|mark| mark.fills).sum();
    Chart {
        id: format!("prices-{n}"),
        title: format!("{instrument}, bars of {each}"),
        label: format!(
            "{} bars of {each} of {instrument} with {fills} fills; the table below has the newest",
            bars.len()
        ),
        figure: Figure::new(vec![Box::new(candles), buys, sells], layout),
    }
}

fn marks(priced: &Priced, side: Side, color: &'static str, symbol: MarkerSymbol) -> Box<dyn Trace> {
    let (mut times, mut at, mut texts) = (Vec::new(), Vec::new(), Vec::new());
    for ((opens, _), mark) in priced.marks.iter().filter(|((_, marked), _)| *marked == side) {
        let Some(price) = mark.price() else { continue };
        times.push(opens.to_string());
        at.push(price.to_f64());
        texts.push(format!("{side} {} at {price}, fills: {}", mark.quantity, mark.fills));
    }
    let marker = Marker::new().color(color).size(10).symbol(symbol).line(Line::new().color("#ffffff").width(1.0));
    Scatter::new(times, at).name(side.as_str()).mode(Mode::Markers).marker(marker).text_array(texts)
}

/// How returns are spread.
pub fn returns(report: &Report) -> Option<Chart> {
    let percent: Vec<f64> = report.drawn.returns.iter().map(|r| r * 100.0).collect();
    let period = report.performance.period.name();
    Some(Chart {
        id: "returns".to_owned(),
        title: format!("Returns of {period}"),
        label: format!("How often returns of {period} were how large, of {} returns", percent.len()),
        figure: histogram(&percent, "return, %", "returns")?,
    })
}

/// How slippage is spread.
pub fn slippage(report: &Report) -> Option<Chart> {
    let points = &report.execution.basis_points;
    Some(Chart {
        id: "slippage".to_owned(),
        title: "Slippage of fills".to_owned(),
        label: format!("How often fills were how many basis points from the market, of {} fills", points.len()),
        figure: histogram(points, "cost, basis points", "fills")?,
    })
}

/// Results by instrument, side by side; `None` where there are not two of them.
pub fn symbols(rows: &[Row], currency: &str) -> Option<Chart> {
    let rows = rows.iter().filter(|row| row.currency.as_deref() == Some(currency));
    let (names, nets): (Vec<String>, Vec<f64>) =
        rows.filter_map(|row| Some((plain(&row.name), row.net?.to_f64()))).unzip();
    if names.len() < 2 {
        return None;
    }
    let colors: Vec<&'static str> = nets.iter().map(|net| if *net < 0.0 { RED } else { GREEN }).collect();
    let label = format!("Profit after fees of {} instruments; the table below has the sums", names.len());
    let bars = Bar::new(names, nets).name("net").marker(Marker::new().color_array(colors));
    let layout = layout().bar_mode(BarMode::Group).y_axis(Axis::new().title(plain(currency)));
    let (id, title) = ("symbols".to_owned(), "Profit by instrument".to_owned());
    Some(Chart { id, title, label, figure: Figure::new(vec![bars], layout) })
}

/// Columns of equal width from the lowest value to the highest; `None` where there are not two that differ.
fn histogram(values: &[f64], across: &str, upward: &str) -> Option<Figure> {
    let columns = columns(values)?;
    let (middles, counts): (Vec<f64>, Vec<u64>) = columns.into_iter().unzip();
    let bars = Bar::new(middles, counts).name(upward).marker(Marker::new().color(BLUE));
    let layout = layout().bar_gap(0.05).x_axis(Axis::new().title(across)).y_axis(Axis::new().title(upward));
    Some(Figure::new(vec![bars], layout))
}

/// The middle of each column, and how many values are in it.
fn columns(values: &[f64]) -> Option<Vec<(f64, u64)>> {
    let lowest = values.iter().copied().reduce(f64::min)?;
    let highest = values.iter().copied().reduce(f64::max)?;
    let width = (highest - lowest) / COLUMNS as f64;
    if width <= 0.0 {
        return None;
    }
    let mut columns: Vec<(f64, u64)> = (0..COLUMNS).map(|n| (lowest + (n as f64 + 0.5) * width, 0)).collect();
    for value in values {
        let column = (((value - lowest) / width) as usize).min(COLUMNS - 1);
        columns[column].1 += 1;
    }
    Some(columns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_holds_what_lies_in_it_and_none_is_lost() {
        let values: Vec<f64> = (0..1_000).map(|n| f64::from(n) / 10.0).collect();
        let columns = columns(&values).unwrap();
        assert_eq!(columns.len(), COLUMNS);
        assert_eq!(columns.iter().map(|(_, count)| count).sum::<u64>(), 1_000);
        assert_eq!(columns[0].1, 25);
        assert_eq!((super::columns(&[]), super::columns(&[1.0, 1.0])), (None, None));
    }

    #[test]
    fn a_name_is_no_markup() {
        assert_eq!(plain("<a href='x'>&"), "&lt;a href='x'&gt;&amp;");
    }
}
