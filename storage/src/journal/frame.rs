//! The frame: a checksummed header and the records of one synced group.
//!
//! ```text
//! header, 28 bytes, little endian        payload: records, one after the other
//!   magic        u32                       kind     u8
//!   payload len  u32                       version  u8
//!   first seq    u64                       len      u32
//!   records      u32                       bytes    [u8; len]
//!   payload crc  u32
//!   header crc   u32  (of the 24 before)
//! ```

use messages::caps::JOURNAL_FRAME_BYTES;

/// Bytes of a frame's header.
pub const HEADER: usize = 28;
/// Bytes before a record's payload.
pub const RECORD_HEADER: usize = 6;
const MAGIC: u32 = u32::from_le_bytes(*b"MGF1");

/// A frame's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    pub payload_len: u32,
    pub first_seq: u64,
    pub records: u32,
    pub payload_crc: u32,
}

impl Header {
    /// The header of `payload`.
    pub fn of(payload: &[u8], first_seq: u64, records: u32) -> Self {
        let payload_len = u32::try_from(payload.len()).expect("a frame is bounded by its cap");
        Self { payload_len, first_seq, records, payload_crc: crc32fast::hash(payload) }
    }

    /// Its bytes.
    pub fn encode(&self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[0..4].copy_from_slice(&MAGIC.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.payload_len.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.first_seq.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.records.to_le_bytes());
        bytes[20..24].copy_from_slice(&self.payload_crc.to_le_bytes());
        let crc = crc32fast::hash(&bytes[..24]);
        bytes[24..28].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// The header at the start of `bytes`, if its magic, checksum and length are right.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; HEADER] = bytes.get(..HEADER)?.try_into().ok()?;
        let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        if word(0) != MAGIC || word(24) != crc32fast::hash(&bytes[..24]) {
            return None;
        }
        let first_seq = u64::from(word(8)) | (u64::from(word(12)) << 32);
        let header = Self { payload_len: word(4), first_seq, records: word(16), payload_crc: word(20) };
        let numbers_fit = records_fit(&header);
        (header.payload_len as usize <= JOURNAL_FRAME_BYTES && numbers_fit).then_some(header)
    }
}

/// A frame holds at least one record, and its numbers are numbers.
fn records_fit(header: &Header) -> bool {
    header.records > 0 && header.first_seq > 0 && header.first_seq.checked_add(u64::from(header.records)).is_some()
}

/// What stands at the start of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub enum Parsed<'a> {
    /// Nothing: the end.
    End,
    /// A whole, intact frame.
    Frame(Header, &'a [u8]),
    /// Bytes that are no intact frame, and why.
    Broken(&'static str),
}

/// Reads the frame at the start of `bytes`.
pub fn parse(bytes: &[u8]) -> Parsed<'_> {
    if bytes.is_empty() {
        return Parsed::End;
    }
    let Some(header) = Header::decode(bytes) else {
        return Parsed::Broken("no frame header");
    };
    let Some(payload) = bytes[HEADER..].get(..header.payload_len as usize) else {
        return Parsed::Broken("a frame that ends early");
    };
    if crc32fast::hash(payload) != header.payload_crc {
        return Parsed::Broken("a frame whose checksum is wrong");
    }
    if count_records(payload) != Some(header.records) {
        return Parsed::Broken("a frame whose records do not add up");
    }
    Parsed::Frame(header, payload)
}

/// True when an intact frame with a higher number stands somewhere in `bytes`: then what comes
/// before it is damage in the middle and not a torn end.
pub fn intact_frame_follows(bytes: &[u8], after: u64) -> bool {
    let magic = MAGIC.to_le_bytes();
    let mut at = 1;
    while at + HEADER <= bytes.len() {
        if bytes[at..at + 4] == magic
            && let Parsed::Frame(header, _) = parse(&bytes[at..])
            && header.first_seq >= after
        {
            return true;
        }
        at += 1;
    }
    false
}

fn count_records(payload: &[u8]) -> Option<u32> {
    let mut count = 0u32;
    for record in Records(payload) {
        record.ok()?;
        count = count.checked_add(1)?;
    }
    Some(count)
}

/// Appends one record to a payload.
pub fn push_record(payload: &mut Vec<u8>, kind: u8, version: u8, bytes: &[u8]) {
    payload.push(kind);
    payload.push(version);
    payload.extend_from_slice(&u32::try_from(bytes.len()).expect("a record is bounded by its cap").to_le_bytes());
    payload.extend_from_slice(bytes);
}

/// One record inside a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawRecord<'a> {
    pub kind: u8,
    pub version: u8,
    pub bytes: &'a [u8],
}

/// The records of a payload, in order.
pub struct Records<'a>(pub &'a [u8]);

impl<'a> Iterator for Records<'a> {
    type Item = Result<RawRecord<'a>, ()>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let (head, rest) = self.0.split_at(self.0.len().min(RECORD_HEADER));
        let &[kind, version, a, b, c, d] = head else {
            self.0 = &[];
            return Some(Err(()));
        };
        let len = u32::from_le_bytes([a, b, c, d]) as usize;
        if len > rest.len() {
            self.0 = &[];
            return Some(Err(()));
        }
        let (bytes, rest) = rest.split_at(len);
        self.0 = rest;
        Some(Ok(RawRecord { kind, version, bytes }))
    }
}
