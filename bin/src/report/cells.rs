//! Rows of an answer in CSV, by the names of their columns. An empty cell is NULL.

use std::fmt::Display;
use std::str::FromStr;

use anyhow::Context;
use messages::UtcNanos;

/// One row.
pub struct Cells<'a> {
    record: &'a csv::StringRecord,
    names: &'a [&'static str],
    places: &'a [usize],
}

impl Cells<'_> {
    /// The cell of a column; `None` for NULL.
    ///
    /// # Errors
    /// It is not what it must be.
    ///
    /// # Panics
    /// When the column was not asked for: a mistake in the program.
    pub fn get<T>(&self, column: &str) -> anyhow::Result<Option<T>>
    where
        T: FromStr,
        T::Err: Display,
    {
        let at = self.names.iter().position(|name| *name == column).expect("a column that was asked for");
        match self.record.get(self.places[at]).unwrap_or("") {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|error| anyhow::anyhow!("{column} `{text}`: {error}")),
        }
    }

    /// The cell of a column that is never NULL.
    ///
    /// # Errors
    /// It is NULL, or not what it must be.
    pub fn need<T>(&self, column: &str) -> anyhow::Result<T>
    where
        T: FromStr,
        T::Err: Display,
    {
        self.get(column)?.with_context(|| format!("{column} is NULL"))
    }

    /// An instant, from microseconds.
    ///
    /// # Errors
    /// It is NULL, or no number.
    pub fn instant(&self, column: &str) -> anyhow::Result<UtcNanos> {
        Ok(UtcNanos(self.need::<i64>(column)?.saturating_mul(1_000)))
    }
}

/// Hands over each row of an answer, and says how many there were.
///
/// # Errors
/// The answer is no CSV with these columns, or `take` refuses a row.
pub fn each(
    csv: &[u8],
    names: &[&'static str],
    mut take: impl FnMut(&Cells<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<usize> {
    let mut reader = csv::Reader::from_reader(csv);
    let header = reader.headers().context("the answer is no CSV")?;
    let place = |name: &&str| {
        header.iter().position(|column| column == *name).with_context(|| format!("the answer has no column {name}"))
    };
    let places: Vec<usize> = names.iter().map(place).collect::<anyhow::Result<_>>()?;
    let mut record = csv::StringRecord::new();
    let mut count = 0;
    while reader.read_record(&mut record).context("the answer is no CSV")? {
        take(&Cells { record: &record, names, places: &places })?;
        count += 1;
    }
    Ok(count)
}

/// A text as SQL writes it.
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_found_by_name_and_an_empty_one_is_null() {
        let mut found = Vec::new();
        let count = each(b"b,a\n1,x\n,\"y,z\"\n", &["a", "b"], |row| {
            found.push((row.need::<String>("a")?, row.get::<i64>("b")?));
            Ok(())
        });
        assert_eq!((count.unwrap(), found), (2, vec![("x".to_owned(), Some(1)), ("y,z".to_owned(), None)]));
    }

    #[test]
    fn what_is_wrong_with_a_cell_is_said() {
        let error = each(b"a\nx\n", &["a"], |row| row.need::<i64>("a").map(drop)).unwrap_err();
        assert_eq!(error.to_string(), "a `x`: invalid digit found in string");
        let error = each(b"a\n1\n", &["b"], |_| Ok(())).unwrap_err();
        assert_eq!(error.to_string(), "the answer has no column b");
    }

    #[test]
    fn a_text_ends_where_it_ends() {
        assert_eq!(literal("o'x' OR 1"), "'o''x'' OR 1'");
    }
}
