//! Answers as JSON. What a browser would round is written as text: decimals, and whole numbers beyond what a double holds; and
//! so is what JSON has no number for, `NaN` and `inf`.

use std::io::Write;

use arrow::datatypes::DataType;
use serde::ser::{Error as _, SerializeSeq};
use serde::{Serialize, Serializer};
use serde_json::Value;
use storage::sql::Answer;

use super::rows;

/// Writes rows as one JSON object a line.
///
/// # Errors
/// `out` refuses.
pub fn json_lines(answer: &Answer, out: &mut impl Write) -> anyhow::Result<()> {
    rows(answer, |cells| {
        serde_json::to_writer(&mut *out, &row(answer, cells))?;
        Ok(writeln!(out)?)
    })
}

/// Writes a value of JSON, for people to read.
pub fn json(value: &impl Serialize, out: &mut impl Write) -> anyhow::Result<()> {
    serde_json::to_writer_pretty(&mut *out, value)?;
    writeln!(out)?;
    Ok(())
}

/// The rows of an answer as objects; decimals and large whole numbers as text. They are written one by one.
pub struct Table<'a>(pub &'a Answer);

impl Serialize for Table<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut all = serializer.serialize_seq(None)?;
        let written = rows(self.0, |cells| {
            all.serialize_element(&row(self.0, cells)).map_err(|error| anyhow::anyhow!("{error}"))
        });
        written.map_err(|error| S::Error::custom(format!("{error:#}")))?;
        all.end()
    }
}

fn row<'a>(answer: &'a Answer, cells: &[Option<String>]) -> Row<'a> {
    let named = answer.schema.fields().iter().zip(cells);
    Row(named.map(|(field, cell)| (field.name(), json_value(field.data_type(), cell))).collect())
}

/// One row, in the order of its columns.
struct Row<'a>(Vec<(&'a String, Value)>);

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// The largest whole number of which every smaller one is exact too where JSON's numbers are doubles, as in a browser.
const EXACT: u64 = (1 << 53) - 1;

fn json_value(data_type: &DataType, cell: &Option<String>) -> Value {
    let Some(text) = cell else { return Value::Null };
    match data_type {
        t if t.is_integer() => match text.parse::<i64>().ok().filter(|whole| whole.unsigned_abs() <= EXACT) {
            Some(whole) => Value::from(whole),
            None => Value::String(text.clone()),
        },
        DataType::Boolean => Value::Bool(text == "true"),
        t if t.is_floating() => serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.clone())),
        _ => Value::String(text.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_number_that_a_browser_would_round_is_a_text() {
        let check = |text: &str, expected: Value| {
            assert_eq!(json_value(&DataType::Int64, &Some(text.to_owned())), expected);
        };
        check("9007199254740991", 9_007_199_254_740_991i64.into());
        check("-9007199254740991", (-9_007_199_254_740_991i64).into());
        check("9007199254740993", "9007199254740993".into());
        check("-9223372036854775808", "-9223372036854775808".into());
        check("18446744073709551615", "18446744073709551615".into());
    }

    #[test]
    fn what_is_no_number_is_a_text_and_not_null() {
        let check = |value: f64, expected: Value| {
            let column = arrow::array::Float64Array::from(vec![value]);
            let options = arrow::util::display::FormatOptions::new();
            let text = arrow::util::display::ArrayFormatter::try_new(&column, &options).unwrap().value(0).to_string();
            assert_eq!(json_value(&DataType::Float64, &Some(text)), expected);
        };
        check(1.5, 1.5.into());
        check(1e300, 1e300.into());
        check(f64::NAN, "NaN".into());
        check(f64::INFINITY, "inf".into());
        check(f64::NEG_INFINITY, "-inf".into());
    }
}
