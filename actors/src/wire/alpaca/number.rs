//! A JSON number as a plain decimal, exactly: `1e-05` is `0.00001`. Alpaca writes small crypto
//! sizes with an exponent, which our numbers do not read.

use std::borrow::Cow;

use messages::caps::NUMBER_BYTES;

/// The plain decimal text of a JSON number; `None` when it is not a number or longer than any of ours.
pub fn plain(json: &str) -> Option<Cow<'_, str>> {
    // What the parser below would take but JSON would not: strings, `+1`, and the like.
    if !json.starts_with(|c: char| c.is_ascii_digit() || c == '-') {
        return None;
    }
    let Some((mantissa, exponent)) = json.split_once(['e', 'E']) else {
        return Some(Cow::Borrowed(json));
    };
    let exponent: i32 = exponent.parse().ok()?;
    let (sign, digits) = match mantissa.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", mantissa),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    if digits.len() > NUMBER_BYTES || !(whole.bytes().chain(part.bytes())).all(|b| b.is_ascii_digit()) {
        return None;
    }
    let digits = format!("{whole}{part}");
    if digits.bytes().all(|b| b == b'0') {
        return Some(Cow::Borrowed("0"));
    }
    shifted(sign, &digits, i64::try_from(whole.len()).ok()? + i64::from(exponent)).map(Cow::Owned)
}

/// `digits` with the decimal point behind the first `point` of them.
fn shifted(sign: &str, digits: &str, point: i64) -> Option<String> {
    // Beyond this no digit is left in range, and an exponent must not choose how much we allocate.
    let bound = i64::try_from(NUMBER_BYTES).ok()?;
    if !(-bound..=bound).contains(&point) {
        return None;
    }
    if let Ok(zeros) = usize::try_from(-point) {
        return Some(format!("{sign}0.{}{digits}", "0".repeat(zeros)));
    }
    let point = usize::try_from(point).ok()?;
    match digits.split_at_checked(point) {
        Some((whole, "")) => Some(format!("{sign}{whole}")),
        Some((whole, part)) => Some(format!("{sign}{whole}.{part}")),
        None => Some(format!("{sign}{digits}{}", "0".repeat(point - digits.len()))),
    }
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn exponents_become_plain_decimals() {
        fn check(json: &str, expected: Option<&str>) {
            assert_eq!(plain(json).as_deref(), expected, "{json}");
        }
        check("140.2", Some("140.2"));
        check("-3", Some("-3"));
        check("1e-05", Some("0.00001"));
        check("1.5E+3", Some("1500"));
        check("12.345e1", Some("123.45"));
        check("-1.25e-2", Some("-0.0125"));
        check("100e-2", Some("1.00"));
        check("0e-99999", Some("0"));
        check("0.0e99999", Some("0"));
        check("1e99999", None);
        check("1e-99999", None);
        check("1e99999999999", None);
        check("\"1\"", None);
        check("null", None);
        check("1e", None);
    }
}
