//! Rows into a COPY stream: cells are appended one after the other, and taken out in pieces.

use super::{END, HEADER, NULL, SIGNATURE};

/// Rows into a stream.
pub struct Writer {
    bytes: Vec<u8>,
    cells: usize,
}

impl Writer {
    /// A stream of rows with so many cells.
    ///
    /// # Panics
    /// When there are more than 1,600, which no table has.
    #[must_use]
    pub fn new(cells: usize) -> Self {
        assert!(cells <= 1_600, "a table of PostgreSQL has at most 1,600 columns");
        let mut bytes = SIGNATURE.to_vec();
        bytes.resize(HEADER, 0);
        Self { bytes, cells }
    }

    /// Begins a row; its cells follow.
    pub fn begin_row(&mut self) {
        self.bytes.extend_from_slice(&(self.cells as i16).to_be_bytes());
    }

    /// A NULL.
    pub fn null(&mut self) {
        self.bytes.extend_from_slice(&NULL.to_be_bytes());
    }

    /// A cell, whose bytes `write` appends.
    pub fn cell(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let from = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 4]);
        write(&mut self.bytes);
        let len = (self.bytes.len() - from - 4) as i32;
        self.bytes[from..from + 4].copy_from_slice(&len.to_be_bytes());
    }

    /// Bytes that wait to be sent.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// True when none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Takes what waits.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }

    /// The rest, with the end mark.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        self.bytes.extend_from_slice(&END.to_be_bytes());
        self.bytes
    }
}
