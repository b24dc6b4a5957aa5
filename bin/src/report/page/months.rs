//! Returns of months as a table of years, each cell the stronger coloured the larger it is.

use super::html::Html;
use crate::report::figures::figure::Figure;
use crate::report::figures::months::Month;
use crate::report::page::show;

const NAMES: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Adds the table.
pub fn table(html: &mut Html, months: &[Month]) {
    let largest = months.iter().filter_map(|month| month.value).fold(0.0, |most: f64, value| most.max(value.abs()));
    html.markup(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Monthly returns\"><table class=\"heat\">",
    );
    html.markup(
        "<caption>Monthly returns, UTC; * a month that was not watched from its first day to its last</caption>",
    );
    html.markup("<thead><tr><th scope=\"col\">year</th>");
    for name in NAMES {
        html.markup("<th scope=\"col\">").markup(name).markup("</th>");
    }
    html.markup("<th scope=\"col\">all</th></tr></thead><tbody>");
    for year in months.chunk_by(|a, b| a.year == b.year) {
        html.markup("<tr><th scope=\"row\">").text(year[0].year).markup("</th>");
        for number in 1..=12 {
            cell(html, year.iter().find(|month| month.month == number), largest);
        }
        let all = Figure::of(of_year(year), "a return of each of its months");
        html.markup("<td>").text(show::part(&all).text).markup("</td></tr>");
    }
    html.markup("</tbody></table></div>\n");
}

/// The return of all months of a year together.
fn of_year(months: &[Month]) -> Option<f64> {
    let growth = months.iter().try_fold(1.0, |growth, month| Some(growth * (1.0 + month.value?)));
    growth.map(|growth| growth - 1.0)
}

fn cell(html: &mut Html, month: Option<&Month>, largest: f64) {
    let Some((month, value)) = month.and_then(|month| Some((month, month.value?))) else {
        html.markup("<td class=\"unknown\">–</td>");
        return;
    };
    let strength = if largest > 0.0 { (value.abs() / largest * 70.0).round() } else { 0.0 };
    html.markup("<td class=\"").markup(if value < 0.0 { "cold" } else { "warm" });
    html.markup("\" style=\"--strength:").text(strength).markup("%\">");
    html.text(show::part(&Figure::Known(value)).text).markup(if month.is_whole { "" } else { "*" }).markup("</td>");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_year_is_its_months_together_and_a_month_that_is_missing_is_a_dash() {
        let month = |month, value, is_whole| Month { year: 2026, month, value: Some(value), is_whole };
        let mut html = Html::default();
        table(&mut html, &[month(1, 0.5, false), month(3, -0.5, true)]);
        let text = html.as_str();
        assert!(text.contains("<td class=\"warm\" style=\"--strength:70%\">50.00 %*</td>"), "{text}");
        assert!(text.contains("<td class=\"cold\" style=\"--strength:70%\">−50.00 %</td>"), "{text}");
        assert_eq!(text.matches("<td class=\"unknown\">–</td>").count(), 10);
        assert!(text.contains("<td>−25.00 %</td>"), "{text}");
    }
}
