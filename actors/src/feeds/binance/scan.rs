//! The fast path: JSON exactly as Binance writes it, in one pass over the bytes.
//!
//! Trades and quotes come by the ten thousand and always in one spelling: an object of plain texts,
//! whole numbers and booleans, without spaces or escapes. Reading that spelling costs a third of
//! what a full JSON parser takes. Whatever is spelled otherwise is left to serde, which alone says
//! what is wrong with a frame.
//!
//! Invariant: what is read here, serde reads to the same values (a property test compares them).

/// A value that is neither an object, an array nor null.
#[derive(Debug, Clone, Copy)]
pub enum Value<'a> {
    Text(&'a str),
    Integer(i64),
    Bool(bool),
}

/// The stream and the payload's text of a combined frame. The payload is whatever stands between
/// the envelope's ends: it is for its own parser to find that it is one JSON value.
pub fn combined(text: &str) -> Option<(&str, &str)> {
    let rest = text.strip_prefix(r#"{"stream":""#)?;
    let end = rest.bytes().position(|b| b == b'"')?;
    let (stream, rest) = rest.split_at(end);
    let data = rest.strip_prefix(r#"","data":"#)?.strip_suffix('}')?;
    (!stream.contains('\\') && !stream.contains(char::is_control)).then_some((stream, data))
}

/// Hands each field of a flat object to `field`, which gives up with `None`.
pub fn flat<'a>(text: &'a str, mut field: impl FnMut(&'a str, Value<'a>) -> Option<()>) -> Option<()> {
    let mut scan = Scan { text, at: 0 };
    scan.expect(b'{')?;
    loop {
        let key = scan.string()?;
        scan.expect(b':')?;
        field(key, scan.value()?)?;
        match scan.next()? {
            b',' => {}
            b'}' if scan.at == text.len() => return Some(()),
            _ => return None,
        }
    }
}

/// Sets a field once; a repeated field is for serde to refuse.
pub fn once<T>(slot: &mut Option<T>, value: T) -> Option<()> {
    if slot.is_some() {
        return None;
    }
    *slot = Some(value);
    Some(())
}

struct Scan<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scan<'a> {
    fn next(&mut self) -> Option<u8> {
        let byte = *self.text.as_bytes().get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then_some(())
    }

    fn literal(&mut self, literal: &str) -> Option<()> {
        self.text.as_bytes()[self.at..].starts_with(literal.as_bytes()).then_some(())?;
        self.at += literal.len();
        Some(())
    }

    /// A text without escapes.
    fn string(&mut self) -> Option<&'a str> {
        self.expect(b'"')?;
        let start = self.at;
        let rest = &self.text.as_bytes()[start..];
        let end = rest.iter().position(|b| matches!(b, b'"' | b'\\' | 0..0x20))?;
        if rest[end] != b'"' {
            return None;
        }
        self.at = start + end + 1;
        self.text.get(start..start + end)
    }

    fn value(&mut self) -> Option<Value<'a>> {
        match *self.text.as_bytes().get(self.at)? {
            b'"' => self.string().map(Value::Text),
            b't' => self.literal("true").map(|()| Value::Bool(true)),
            b'f' => self.literal("false").map(|()| Value::Bool(false)),
            b'1'..=b'9' => self.integer().map(Value::Integer),
            _ => None,
        }
    }

    /// A whole number above zero that surely fits: ids and times.
    fn integer(&mut self) -> Option<i64> {
        let rest = &self.text.as_bytes()[self.at..];
        let mut value: i64 = 0;
        for (count, byte) in rest.iter().enumerate() {
            if !byte.is_ascii_digit() {
                self.at += count;
                return Some(value);
            }
            if count == 18 {
                return None;
            }
            value = value * 10 + i64::from(byte - b'0');
        }
        None
    }
}
