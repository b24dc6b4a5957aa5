//! How large a value may be made: DuckDB bounds the memory of a sort or a join, and not that of one value.
//!
//! Functions that make a value as large as they are told must be told by a constant, and all such constants of a
//! statement together have a bound. What a statement glues together from its rows has none but that of a text, 4 GiB.

use serde_json::{Map, Value};

use super::Error;
use super::guard::text;
use super::names::{FORMATS, LARGEST, SIZED};

/// The values of a statement so far.
pub struct Size {
    /// Each of them could stand in another.
    product: u64,
}

impl Default for Size {
    fn default() -> Self {
        Self { product: 1 }
    }
}

impl Size {
    /// A function is called.
    ///
    /// # Errors
    /// It may make a value that is too large.
    pub fn call(&mut self, function: &str, fields: &Map<String, Value>) -> Result<(), Error> {
        let arguments = || fields.get("arguments").and_then(Value::as_array).into_iter().flatten();
        let size = if let Some((_, which)) = SIZED.iter().find(|(name, _)| *name == function) {
            let told = arguments().enumerate().filter(|(n, _)| which.is_empty() || which.contains(n));
            told.map(|(_, argument)| number(argument)).try_fold(0, |sum: u64, n| Some(sum.saturating_add(n?)))
        } else if FORMATS.contains(&function) {
            arguments().next().and_then(width)
        } else {
            return Ok(());
        };
        self.product = self.product.saturating_mul(size.unwrap_or(u64::MAX).max(1));
        if self.product > LARGEST {
            return Err(Error::LargeValue { name: function.to_owned(), most: LARGEST });
        }
        Ok(())
    }
}

/// The size that a constant says, whatever its sign.
fn number(argument: &Value) -> Option<u64> {
    constant(&argument["expression"])?.trim_start_matches('-').parse().ok()
}

/// The largest width that a constant format can ask for.
fn width(argument: &Value) -> Option<u64> {
    let format = constant(&argument["expression"])?;
    // The width as an argument: printf's `*`, and a brace within braces. Two braces in a row are one that is printed.
    let braces = format.replace("{{", "");
    let fields: Vec<&str> = braces.split('{').skip(1).collect();
    let is_within = fields.split_last().is_some_and(|(_, before)| before.iter().any(|field| !field.contains('}')));
    if format.contains('*') || is_within {
        return None;
    }
    let numbers = format.split(|c: char| !c.is_ascii_digit()).filter(|digits| !digits.is_empty());
    numbers.map(|digits| digits.parse().ok()).try_fold(1, |most: u64, n| Some(most.max(n?)))
}

fn constant(expression: &Value) -> Option<&str> {
    let literal = expression["literal"].as_object()?;
    Some(text(literal, "text"))
}
