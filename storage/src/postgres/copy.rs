//! COPY in binary form: rows out of a stream that comes in pieces, and rows into one.
//!
//! The form: a signature, flags, and then per row a count of cells and each cell with its length, -1 for NULL; the count -1
//! ends it. Source: "Binary Format" in PostgreSQL's documentation of COPY. What a cell holds is not known here.

use messages::caps;

mod writer;

pub use writer::Writer;

/// What every stream begins with; flags and the length of an extension follow.
const SIGNATURE: &[u8; 11] = b"PGCOPY\n\xff\r\n\0";
/// Signature, flags, and the length of an extension.
const HEADER: usize = SIGNATURE.len() + 8;
/// The flag of a format that carries object ids, which no server since version 12 sends.
const CRITICAL_FLAGS: u32 = 0xFFFF_0000;
const END: i16 = -1;
const NULL: i32 = -1;

/// A stream that is not what it must be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not the binary form.
    #[error("the server's COPY stream is not in binary form: {0}")]
    Malformed(&'static str),
    /// A row beyond what is held in memory.
    #[error(
        "a row of more than {} bytes is not read; a backfill reads it without its large columns where the mapping leaves these out, and an export reads all of them: then keep that row elsewhere, and shorten it there",
        caps::COPY_ROW_BYTES
    )]
    RowTooLarge,
    /// The stream stopped in the middle.
    #[error("the server's COPY stream ended before its end mark, after {rows} rows; read the range again")]
    CutShort {
        /// Whole rows before.
        rows: u64,
    },
}

/// Rows out of a stream.
#[derive(Default)]
pub struct Rows {
    buffer: Vec<u8>,
    /// Bytes of the buffer that are done with.
    done: usize,
    /// Where the cells of the row that was handed out last stand.
    cells: Vec<Option<(usize, usize)>>,
    has_begun: bool,
    has_ended: bool,
    rows: u64,
}

/// One row.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    buffer: &'a [u8],
    cells: &'a [Option<(usize, usize)>],
}

impl<'a> Row<'a> {
    /// How many cells.
    #[must_use]
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// True without cells.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// A cell's bytes; `None` for NULL.
    ///
    /// # Panics
    /// When there is no such cell: the caller looks at [`Self::len`] first.
    #[must_use]
    pub fn cell(&self, at: usize) -> Option<&'a [u8]> {
        self.cells[at].map(|(from, to)| &self.buffer[from..to])
    }
}

impl Rows {
    /// Takes the next piece of the stream.
    pub fn push(&mut self, piece: &[u8]) {
        if self.done == self.buffer.len() {
            self.buffer.clear();
            self.done = 0;
        } else if self.done > self.buffer.len() / 2 {
            self.buffer.drain(..self.done);
            self.done = 0;
        }
        self.buffer.extend_from_slice(piece);
    }

    /// The next row that is wholly there.
    ///
    /// # Errors
    /// The stream is not in binary form, or a row is too large.
    pub fn next_row(&mut self) -> Result<Option<Row<'_>>, Error> {
        if !self.has_begun && !self.begin()? || self.has_ended {
            return Ok(None);
        }
        let Some(end) = self.scan()? else {
            return if self.buffer.len() - self.done > caps::COPY_ROW_BYTES {
                Err(Error::RowTooLarge)
            } else {
                Ok(None)
            };
        };
        self.done = end;
        if self.has_ended {
            return Ok(None);
        }
        self.rows += 1;
        Ok(Some(Row { buffer: &self.buffer, cells: &self.cells }))
    }

    /// How many rows there were, at the end of the stream.
    ///
    /// # Errors
    /// It ended before its end mark, or more bytes follow.
    pub fn finish(self) -> Result<u64, Error> {
        match self.has_ended {
            true if self.done < self.buffer.len() => Err(Error::Malformed("bytes behind the end mark")),
            true => Ok(self.rows),
            false => Err(Error::CutShort { rows: self.rows }),
        }
    }

    /// Passes over the header. False while it is not wholly there.
    fn begin(&mut self) -> Result<bool, Error> {
        let Some(header) = self.buffer.get(..HEADER) else { return Ok(false) };
        if !header.starts_with(SIGNATURE) {
            return Err(Error::Malformed("no signature"));
        }
        let word = |at: usize| u32::from_be_bytes(std::array::from_fn(|n| header[SIGNATURE.len() + at + n]));
        if word(0) & CRITICAL_FLAGS != 0 {
            return Err(Error::Malformed("flags of another version"));
        }
        if word(4) != 0 {
            return Err(Error::Malformed("an extended header"));
        }
        self.done = HEADER;
        self.has_begun = true;
        Ok(true)
    }

    /// Finds the cells of the row at the position, and where it ends; `None` while it is not wholly there.
    fn scan(&mut self) -> Result<Option<usize>, Error> {
        let mut at = self.done;
        let Some(count) = take(&self.buffer, &mut at).map(i16::from_be_bytes) else { return Ok(None) };
        self.cells.clear();
        if count == END {
            self.has_ended = true;
            return Ok(Some(at));
        }
        let count = usize::try_from(count).map_err(|_| Error::Malformed("a negative count of cells"))?;
        for _ in 0..count {
            let Some(len) = take(&self.buffer, &mut at).map(i32::from_be_bytes) else { return Ok(None) };
            if len == NULL {
                self.cells.push(None);
                continue;
            }
            let len = usize::try_from(len).map_err(|_| Error::Malformed("a negative length"))?;
            if len > caps::COPY_ROW_BYTES {
                return Err(Error::RowTooLarge);
            }
            if self.buffer.len() - at < len {
                return Ok(None);
            }
            self.cells.push(Some((at, at + len)));
            at += len;
        }
        Ok(Some(at))
    }
}

/// Takes the next `N` bytes, if they are there.
fn take<const N: usize>(buffer: &[u8], at: &mut usize) -> Option<[u8; N]> {
    let bytes = buffer.get(*at..*at + N)?.try_into().ok()?;
    *at += N;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Cells = Vec<Option<Vec<u8>>>;

    fn written(rows: &[Cells]) -> Vec<u8> {
        let mut writer = Writer::new(rows.first().map_or(0, Vec::len));
        for row in rows {
            writer.begin_row();
            for cell in row {
                match cell {
                    Some(bytes) => writer.cell(|out| out.extend_from_slice(bytes)),
                    None => writer.null(),
                }
            }
        }
        writer.finish()
    }

    /// Reads a stream in pieces of so many bytes.
    fn read(stream: &[u8], piece: usize) -> Result<Vec<Cells>, Error> {
        let (mut rows, mut found) = (Rows::default(), Vec::new());
        for piece in stream.chunks(piece) {
            rows.push(piece);
            while let Some(row) = rows.next_row()? {
                found.push((0..row.len()).map(|at| row.cell(at).map(<[u8]>::to_vec)).collect());
            }
        }
        let count = rows.finish()?;
        assert_eq!(count, found.len() as u64);
        Ok(found)
    }

    proptest! {
        #[test]
        fn rows_come_back_however_the_stream_is_cut(
            rows in (1usize..4).prop_flat_map(|cells| proptest::collection::vec(
                proptest::collection::vec(proptest::option::of(proptest::collection::vec(any::<u8>(), 0..9)), cells), 0..6)),
            piece in 1usize..40,
        ) {
            prop_assert_eq!(read(&written(&rows), piece).unwrap(), rows);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60), piece in 1usize..9) {
            let mut stream = written(&[]);
            stream.truncate(HEADER);
            stream.extend(bytes);
            let _ = read(&stream, piece);
        }
    }

    #[test]
    fn a_stream_that_stops_is_never_taken_for_a_whole_one() {
        let stream = written(&[vec![Some(vec![1, 2])], vec![None]]);
        for end in HEADER..stream.len() {
            let found = read(&stream[..end], 1_000);
            assert!(matches!(found, Err(Error::CutShort { .. })), "cut at {end}: {found:?}");
        }
        let mut longer = stream;
        longer.push(0);
        assert_eq!(read(&longer, 1_000), Err(Error::Malformed("bytes behind the end mark")));
    }

    #[test]
    fn what_is_no_binary_copy_is_refused() {
        assert_eq!(read(b"1\tBTCUSDT\t61837.63\n2\tETHUSDT\t2684.1\n", 8), Err(Error::Malformed("no signature")));
        let mut huge = written(&[]);
        huge.truncate(HEADER);
        huge.extend_from_slice(&1i16.to_be_bytes());
        huge.extend_from_slice(&i32::MAX.to_be_bytes());
        assert_eq!(read(&huge, 64), Err(Error::RowTooLarge));
        // Who exports reads all columns, whatever the mapping says.
        let words = Error::RowTooLarge.to_string();
        assert!(words.contains("an export reads all of them: then keep that row elsewhere"), "{words}");
    }
}
