//! The venue's clock: how far it is from ours. Source: `rest-api.md` (timing security).
//!
//! The venue takes a request whose time is less than a second ahead of its own and not older than `recvWindow`. The answer to `time` was
//! written somewhere between question and answer; half of that is the error of the offset.

use messages::UtcNanos;

use super::parameters::Stamp;

/// How long a request stays valid, in milliseconds: the venue's default. An order that arrives later is none that anybody wants.
pub const RECV_WINDOW_MS: u32 = 5_000;

/// The offset of the venue's clock, with what is known of its error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Offset {
    /// Venue's clock less ours, in nanoseconds.
    nanos: i64,
    /// At most so much wrong, in nanoseconds.
    error: i64,
}

impl Offset {
    /// From an answer to `time`, asked at `asked` and received at `received`, both by our clock.
    #[must_use]
    pub fn measured(asked: UtcNanos, said: UtcNanos, received: UtcNanos) -> Self {
        let error = (received.since(asked) / 2).max(0);
        Self { nanos: said.0.saturating_sub(asked.0.saturating_add(error)), error }
    }

    /// The stamp of a request that is signed at `now` of our clock. It is dated back by the error, so that it never lies ahead.
    #[must_use]
    pub fn stamp(self, now: UtcNanos) -> Stamp {
        let theirs = now.0.saturating_add(self.nanos).saturating_sub(self.error);
        Stamp { timestamp_ms: theirs.div_euclid(1_000_000), recv_window_ms: RECV_WINDOW_MS }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;

    proptest::proptest! {
        /// However long the way there and back: the stamp is not ahead of the venue's clock, and behind it by no more than the way.
        #[test]
        fn a_stamp_is_never_ahead(offset in -3_600_000i64..3_600_000, there in 0i64..2_000, back in 0i64..2_000) {
            let asked = UtcNanos(1_700_000_000_000 * MS);
            let said = UtcNanos(asked.0 + (offset + there) * MS);
            let received = UtcNanos(asked.0 + (there + back) * MS);
            let stamp = Offset::measured(asked, said, received).stamp(received);
            let behind = received.0 / MS + offset - stamp.timestamp_ms;
            proptest::prop_assert!((0..=there + back).contains(&behind), "{behind} ms");
        }
    }
}
