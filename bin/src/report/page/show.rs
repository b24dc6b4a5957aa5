//! Figures as people read them: percent, ratios, money, times. What is unknown says what it needs.

use std::time::Duration;

use messages::{Cash, UtcNanos, durations};

use crate::report::figures::figure::Figure;

/// A cell of a table, or a value beside its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// What is read.
    pub text: String,
    /// What it is: `gain`, `loss`, `unknown` or nothing.
    pub class: &'static str,
    /// What is said when it is pointed at.
    pub title: String,
}

impl Shown {
    /// A text.
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), class: "", title: String::new() }
    }

    /// What is not known, and what it needs.
    pub fn unknown(needs: &str) -> Self {
        Self { text: "unknown".to_owned(), class: "unknown", title: format!("needs {needs}") }
    }

    /// With a sign's colour.
    fn signed(text: String, sign: f64) -> Self {
        let class = match sign {
            sign if sign > 0.0 => "gain",
            sign if sign < 0.0 => "loss",
            _ => "",
        };
        Self { text, class, title: String::new() }
    }
}

/// A number.
pub fn count(number: u64) -> Shown {
    Shown::text(grouped(&number.to_string()))
}

/// A fraction in percent, with its sign.
pub fn percent(figure: &Figure) -> Shown {
    known(figure, |value| Shown::signed(format!("{} %", decimals(value * 100.0, 2)), value))
}

/// A part of a whole in percent, without colour.
pub fn part(figure: &Figure) -> Shown {
    known(figure, |value| Shown::text(format!("{} %", decimals(value * 100.0, 2))))
}

/// A ratio.
pub fn ratio(figure: &Figure) -> Shown {
    known(figure, |value| Shown::text(decimals(value, 2)))
}

/// An amount that was divided, with its sign.
pub fn average(figure: &Figure) -> Shown {
    known(figure, |value| Shown::signed(decimals(value, places(value.abs())), value))
}

/// Seconds.
pub fn seconds(figure: &Figure) -> Shown {
    known(figure, |value| Shown::text(time(value)))
}

/// A stretch of time, in seconds.
pub fn time(seconds: f64) -> String {
    let whole = if seconds >= 60.0 { seconds.round() } else { (seconds * 1e3).round() / 1e3 };
    durations::format(Duration::try_from_secs_f64(whole).unwrap_or_default())
}

/// An instant, without a fraction of nothing.
pub fn instant(at: UtcNanos) -> String {
    at.to_string().trim_end_matches(".000000").to_owned()
}

/// An amount, exact when it is pointed at.
pub fn money(amount: Cash) -> Shown {
    Shown { class: "", ..gain(amount) }
}

/// An amount that may be unknown.
pub fn maybe_money(amount: Option<Cash>, needs: &str) -> Shown {
    amount.map_or_else(|| Shown::unknown(needs), money)
}

/// An amount with its sign's colour, exact when it is pointed at.
pub fn gain(amount: Cash) -> Shown {
    let value = amount.to_f64();
    let shown = Shown::signed(rounded(amount), value);
    Shown { title: amount.to_string(), ..shown }
}

/// An amount that may be unknown, with its sign's colour.
pub fn maybe_gain(amount: Option<Cash>, needs: &str) -> Shown {
    amount.map_or_else(|| Shown::unknown(needs), gain)
}

/// A value of a chart's table.
pub fn maybe_decimals(value: Option<f64>, places: usize) -> Shown {
    value.map_or_else(|| Shown::unknown("a value"), |value| Shown::text(decimals(value, places)))
}

fn known(figure: &Figure, show: impl FnOnce(f64) -> Shown) -> Shown {
    match figure {
        Figure::Known(value) => show(*value),
        Figure::Unknown(needs) => Shown::unknown(needs),
    }
}

/// Small amounts need more digits.
fn places(magnitude: f64) -> usize {
    if magnitude == 0.0 || magnitude >= 1.0 { 2 } else { 6 }
}

/// Rounded half to even, from the exact amount.
fn rounded(amount: Cash) -> String {
    let places = places(amount.abs().to_f64());
    let unit = 10i128.pow(Cash::SCALE - places as u32);
    let scaled = messages::number::div_half_even(amount.raw(), unit);
    let (whole, rest) =
        (scaled.unsigned_abs() / 10u128.pow(places as u32), scaled.unsigned_abs() % 10u128.pow(places as u32));
    let sign = if scaled < 0 { "−" } else { "" };
    format!("{sign}{}.{rest:0places$}", grouped(&whole.to_string()))
}

fn decimals(value: f64, places: usize) -> String {
    let text = format!("{:.places$}", value.abs());
    let (whole, rest) = text.split_once('.').unwrap_or((&text, ""));
    let is_zero = text.chars().all(|digit| matches!(digit, '0' | '.'));
    let sign = if value < 0.0 && !is_zero { "−" } else { "" };
    let point = if rest.is_empty() { "" } else { "." };
    format!("{sign}{}{point}{rest}", grouped(whole))
}

/// Thousands apart.
fn grouped(digits: &str) -> String {
    let mut text = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_rounded_from_the_exact_amount_and_says_that_too() {
        let check = |amount: &str, text: &str, class: &str| {
            let shown = gain(amount.parse().unwrap());
            assert_eq!((shown.text.as_str(), shown.class, shown.title.as_str()), (text, class, amount));
        };
        check("1234567.891", "1,234,567.89", "gain");
        check("-46.157394848", "−46.16", "loss");
        check("0", "0.00", "");
        check("0.000125", "0.000125", "gain");
        check("2.125", "2.12", "gain");
    }

    #[test]
    fn figures_are_read_in_their_unit_and_the_unknown_says_what_it_needs() {
        assert_eq!(percent(&Figure::Known(-0.0123)).text, "−1.23 %");
        assert_eq!(percent(&Figure::Known(-0.000_000_1)).text, "0.00 %");
        assert_eq!(part(&Figure::Known(12.5)).text, "1,250.00 %");
        assert_eq!(seconds(&Figure::Known(3_723.4)).text, "1h 2m 3s");
        assert_eq!(time(0.005), "5ms");
        assert_eq!(instant(UtcNanos(0)), "1970-01-01 00:00:00");
        assert_eq!(instant(UtcNanos(500_000_000)), "1970-01-01 00:00:00.500000");
        let unknown = ratio(&Figure::Unknown("a loss".to_owned()));
        assert_eq!((unknown.text.as_str(), unknown.title.as_str()), ("unknown", "needs a loss"));
    }
}
