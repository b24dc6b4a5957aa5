//! What all rows of a table are together: how many, and the sum of the hashes of their texts. An export adds it up from the rows
//! that it reads, each with its hash; later the server is asked for it, in the same words. Pure.

use std::fmt;

use super::columns::Column;
use crate::postgres::catalog::quoted;
use crate::postgres::copy::{Error, Row};

/// The name for a row of a table with these columns. A name that one of them has would stand for that one and not for the row.
#[must_use]
pub fn row(columns: &[Column]) -> String {
    let mut row = "row".to_owned();
    while columns.iter().any(|column| column.name == row) {
        row.push('_');
    }
    quoted(&row)
}

/// The hash of a row by its [name](row).
#[must_use]
pub fn hash(row: &str) -> String {
    format!("hashtextextended({row}::text, 0)")
}

/// The question for the fingerprint of a table.
#[must_use]
pub fn question(from: &str, columns: &[Column]) -> String {
    let row = row(columns);
    let sum = format!("coalesce(sum({}::numeric), 0)", hash(&row));
    format!("SELECT count(*)::text || ' rows with sum ' || {sum}::text FROM {from} {row}")
}

/// The fingerprint of the rows that were added; its text is the server's answer to [`question`].
#[derive(Debug, Default)]
pub struct Fingerprint {
    rows: u64,
    /// Wide enough for as many hashes as there can be rows.
    sum: i128,
}

impl Fingerprint {
    /// Adds a row, whose last cell is its hash.
    ///
    /// # Errors
    /// It is none.
    pub fn add(&mut self, row: Row<'_>) -> Result<(), Error> {
        let no_hash = Error::Malformed("a row without its hash");
        let Some(last) = row.len().checked_sub(1) else { return Err(no_hash) };
        // The server's sum passes over NULL, too.
        if let Some(hash) = row.cell(last) {
            let hash: [u8; 8] = hash.try_into().map_err(|_| no_hash)?;
            self.sum += i128::from(i64::from_be_bytes(hash));
        }
        self.rows += 1;
        Ok(())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rows with sum {}", self.rows, self.sum)
    }
}

#[cfg(test)]
mod tests {
    use super::super::columns::Kept;
    use super::*;
    use crate::postgres::copy::{Rows, Writer};

    /// Of rows with these last cells, behind another one.
    fn added(hashes: &[Option<&[u8]>]) -> Result<String, Error> {
        let mut writer = Writer::new(2);
        for hash in hashes {
            writer.begin_row();
            writer.cell(|out| out.extend_from_slice(&7i64.to_be_bytes()));
            match hash {
                Some(bytes) => writer.cell(|out| out.extend_from_slice(bytes)),
                None => writer.null(),
            }
        }
        let (mut rows, mut fingerprint) = (Rows::default(), Fingerprint::default());
        rows.push(&writer.finish());
        while let Some(row) = rows.next_row()? {
            fingerprint.add(row)?;
        }
        Ok(fingerprint.to_string())
    }

    #[test]
    fn hashes_are_added_up_beyond_what_each_of_them_can_be() {
        let (most, least) = (i64::MAX.to_be_bytes(), i64::MIN.to_be_bytes());
        assert_eq!(added(&[]).unwrap(), "0 rows with sum 0");
        assert_eq!(added(&[Some(&most[..]), Some(&most[..]), None]).unwrap(), "3 rows with sum 18446744073709551614");
        assert_eq!(added(&[Some(&least[..]), Some(&least[..])]).unwrap(), "2 rows with sum -18446744073709551616");
        assert_eq!(added(&[Some(&most[..4])]), Err(Error::Malformed("a row without its hash")));
    }

    #[test]
    fn a_row_has_a_name_that_no_column_has() {
        let column = |name: &str| Column {
            name: name.to_owned(),
            kind: "bigint".to_owned(),
            is_required: false,
            kept_as: Kept::Int64,
        };
        assert_eq!(row(&[column("id")]), r#""row""#);
        assert_eq!(row(&[column("row_"), column("row")]), r#""row__""#);
    }
}
