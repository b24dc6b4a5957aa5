//! Durations in settings and parameters: humantime text, without months and years, which have no length.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serializer};

/// Reads `500ms`, `2s`, `1h 30m`, `7d` …
///
/// # Errors
/// The text is no duration, or names months or years.
pub fn parse(text: &str) -> Result<Duration, String> {
    let unit = |word: &str| matches!(word, "M" | "month" | "months" | "y" | "year" | "years");
    if text.split(|c: char| !c.is_ascii_alphabetic()).any(unit) {
        return Err(format!("`{text}`: months and years have no fixed length; use days"));
    }
    humantime::parse_duration(text)
        .map_err(|e| format!("`{text}` is not a duration ({e}); expected 500ms, 2s, 1h 30m, 7d"))
}

/// Writes a duration in d, h, m, s and ms.
#[must_use]
pub fn format(duration: Duration) -> String {
    let mut left = duration.as_millis();
    let mut parts = Vec::new();
    for (unit, name) in [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s"), (1, "ms")] {
        if left >= unit {
            parts.push(format!("{}{name}", left / unit));
            left %= unit;
        }
    }
    if parts.is_empty() { "0s".to_owned() } else { parts.join(" ") }
}

/// For `#[serde(with)]`.
///
/// # Errors
/// As the serializer.
pub fn serialize<S: Serializer>(duration: &Duration, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_str(&format(*duration))
}

/// For `#[serde(with)]`.
///
/// # Errors
/// The text is no duration, or names months or years.
pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Duration, D::Error> {
    parse(&String::deserialize(d)?).map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_written() {
        for text in ["500ms", "2s", "1h 30m", "7d", "0s"] {
            assert_eq!(format(parse(text).unwrap()), text);
        }
        for wrong in ["1M", "2 months", "1y", "", "5", "fast"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
