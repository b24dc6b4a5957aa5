//! Rows of our own tables in PostgreSQL as batches: the counterpart of `encode`.
//!
//! Unlike a mapping it refuses no value: what a hand put there is to be found and named, and not to stop the comparison. A
//! number or a time that none of ours can be (NaN, an infinity) becomes one beyond what our columns hold, so that it equals none.

use arrow::array::RecordBatch;

use super::shape::Shape;
use crate::duck::sheet::{Column, Kind, Sheet};
use crate::postgres::EPOCH;
use crate::postgres::copy::Row;
use crate::postgres::numeric;

/// Decimals of prices, and of quantities and money.
const SCALES: (u32, u32) = (8, 9);

/// What a number becomes that none of ours can be, in a column of this scale.
#[must_use]
pub fn unreadable(scale: i8) -> i128 {
    if u32::try_from(scale) == Ok(SCALES.0) { i64::MIN.into() } else { i128::MIN }
}

/// Why bytes are no cell of ours: the server's table is of other types than the ones that were made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the column {column} holds {bytes} bytes, which is no {kind:?} of ours: its type was changed; make it what it was, or move the table aside and let the sink make it anew"
)]
pub struct Misread {
    column: &'static str,
    bytes: usize,
    kind: Kind,
}

/// Rows on their way into a batch.
pub struct Rows<'a> {
    shape: &'a Shape,
    sheet: Sheet,
}

impl<'a> Rows<'a> {
    /// None yet.
    #[must_use]
    pub fn new(shape: &'a Shape) -> Self {
        Self { shape, sheet: Sheet::new(&shape.columns) }
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sheet.len()
    }

    /// Adds a row.
    ///
    /// # Errors
    /// A cell is not in the form of its type; nothing more can be added then.
    pub fn push(&mut self, row: Row<'_>) -> Result<(), Misread> {
        for (at, (column, kind)) in self.shape.columns.iter().enumerate() {
            let cell = row.cell(at);
            if push(self.sheet.next_column(), cell).is_none() {
                return Err(Misread { column, bytes: cell.map_or(0, <[u8]>::len), kind: *kind });
            }
        }
        Ok(())
    }

    /// Takes them out.
    pub fn take(&mut self) -> RecordBatch {
        self.sheet.take()
    }
}

/// Adds a cell; `None` if its bytes are not in the form of the column's type.
fn push(column: &mut Column, cell: Option<&[u8]>) -> Option<()> {
    match column {
        Column::Text(b) => b.append_option(read(cell, |bytes| str::from_utf8(bytes).ok())?),
        Column::Int(b) => b.append_option(read(cell, |bytes| sized(bytes).map(i64::from_be_bytes))?),
        Column::Small(b) => b.append_option(read(cell, |bytes| sized(bytes).map(i16::from_be_bytes))?),
        Column::P(b) => b.append_option(cell.map(price)),
        Column::Q(b) => b.append_option(cell.map(|bytes| scaled(bytes, SCALES.1))),
        Column::Time(b) => b.append_option(read(cell, |bytes| sized(bytes).map(time))?),
        Column::Flag(b) => b.append_option(read(cell, |bytes| sized(bytes).map(|one: [u8; 1]| one != [0]))?),
        Column::Id(b) => match cell {
            Some(bytes) => b.append_value(bytes).ok()?,
            None => b.append_null(),
        },
        Column::Real(b) => b.append_option(read(cell, |bytes| sized(bytes).map(f64::from_be_bytes))?),
    }
    Some(())
}

/// A NULL is a value like others; only bytes that cannot be read are none.
fn read<'a, T>(cell: Option<&'a [u8]>, how: impl FnOnce(&'a [u8]) -> Option<T>) -> Option<Option<T>> {
    match cell {
        None => Some(None),
        Some(bytes) => how(bytes).map(Some),
    }
}

fn sized<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    bytes.try_into().ok()
}

fn price(bytes: &[u8]) -> i64 {
    i64::try_from(scaled(bytes, SCALES.0)).unwrap_or(i64::MIN)
}

fn scaled(bytes: &[u8], scale: u32) -> i128 {
    numeric::decode(bytes, scale).unwrap_or(i128::MIN)
}

fn time(bytes: [u8; 8]) -> i64 {
    i64::from_be_bytes(bytes).saturating_add(EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate::compare::cells;
    use crate::postgres::copy;

    /// A row of `balances`, cell by cell, as texts; or why it is none.
    fn read(cells: [Option<&[u8]>; 5]) -> Result<Vec<Option<String>>, Misread> {
        let mut writer = copy::Writer::new(cells.len());
        writer.begin_row();
        for cell in cells {
            match cell {
                Some(bytes) => writer.cell(|out| out.extend_from_slice(bytes)),
                None => writer.null(),
            }
        }
        let (shape, mut stream) = (Shape::of("balances").unwrap(), copy::Rows::default());
        stream.push(&writer.finish());
        let mut rows = Rows::new(&shape);
        rows.push(stream.next_row().unwrap().unwrap())?;
        assert_eq!(rows.len(), 1);
        let batch = rows.take();
        assert_eq!((batch.num_rows(), rows.len()), (1, 0));
        Ok(batch.columns().iter().map(|column| cells::text(column.as_ref(), 0)).collect())
    }

    #[test]
    fn what_none_of_ours_can_be_is_one_beyond_and_bytes_of_another_type_are_named() {
        let (one, nan) = ([0, 1, 0, 0, 0, 0, 0, 0, 0, 1], [0, 0, 0, 0, 0xC0, 0, 0, 0]);
        let (id, epoch) = (7_i64.to_be_bytes(), 0_i64.to_be_bytes());
        let texts = |cells: &[&str]| cells.iter().map(|text| Some((*text).to_owned())).collect::<Vec<_>>();
        let row = read([Some(&id), Some(b"paper"), Some(b"USDT"), Some(&one), Some(&epoch)]).unwrap();
        assert_eq!(row, texts(&["7", "paper", "USDT", "1.000000000", "2000-01-01 00:00:00.000000"]));
        let infinity = i64::MAX.to_be_bytes();
        let row = read([Some(&id), Some(b"paper"), Some(b"USDT"), Some(&nan), Some(&infinity)]).unwrap();
        assert_eq!(row[3..], texts(&["no value that this column may hold", "infinity"]));
        assert_eq!(read([None; 5]).unwrap(), vec![None; 5]);
        let narrow = read([Some(&id[4..]), Some(b"paper"), Some(b"USDT"), Some(&one), Some(&epoch)]).unwrap_err();
        assert_eq!(narrow, Misread { column: "balance_id", bytes: 4, kind: Kind::Int });
    }
}
