//! Percent-encoding: a text as a part of a URL, and back. Symbols are not all of letters: pairs have a slash, and names
//! of other scripts exist.

/// The text with everything as `%XX` that a URL does not have as it is (RFC 3986, unreserved characters).
#[must_use]
pub fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// The text that was encoded; `None` when it is none.
#[must_use]
pub fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let (byte, tail) = match (first, tail) {
            (b'%', [high, low, tail @ ..]) => (hex(*high)? << 4 | hex(*low)?, tail),
            (b'%', _) => return None,
            _ => (*first, tail),
        };
        bytes.push(byte);
        rest = tail;
    }
    String::from_utf8(bytes).ok()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn what_was_encoded_is_decoded(text in ".*") {
            let encoded = encoded(&text);
            assert!(encoded.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~%".contains(&b)), "{encoded}");
            assert_eq!(decoded(&encoded), Some(text));
        }
    }

    #[test]
    fn only_what_has_a_meaning_is_encoded() {
        assert_eq!(encoded("BTCUSDT"), "BTCUSDT");
        assert_eq!(encoded("BTC/USD"), "BTC%2FUSD");
        assert_eq!(encoded("é~"), "%C3%A9~");
        assert_eq!(decoded("a%2"), None);
        assert_eq!(decoded("%FF"), None, "no text");
    }
}
