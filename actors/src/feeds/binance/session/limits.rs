//! The venue's limits, and what protects the session from its input. Source: `web-socket-streams.md` and `rest-api.md`.

use std::time::Duration;

/// Streams of one connection: the venue's limit.
pub const STREAMS_PER_LINK: usize = 1_024;
/// Streams that one message subscribes: the venue states no limit for a message, clients are known to send twice as many.
pub const STREAMS_PER_MESSAGE: usize = 100;
/// Between two messages over a link. The venue closes a link that brings more than five within a second, pings and pongs
/// counted: three of ours, which the way may push together, leave room for one of each.
pub const MESSAGE_SPACING: Duration = Duration::from_millis(400);
/// Stretch in which the venue counts connection attempts of an address.
pub const CONNECTS_WITHIN: Duration = Duration::from_secs(300);
/// Attempts of ours in that time: half of the venue's 300, for others may share the address.
pub const CONNECTS: usize = 150;
/// Links of one session: 10,000 streams and more.
pub const LINKS: usize = 10;
/// How long a link may take to open.
pub const OPENS_WITHIN: Duration = Duration::from_secs(20);
/// How long a link must have lived before its loss is the first of a row: a venue that takes links only to close them
/// is not better than one that takes none.
pub const PROVEN_BY: Duration = Duration::from_secs(60);
/// How long the venue may take to answer a message.
pub const ANSWERS_WITHIN: Duration = Duration::from_secs(15);
/// Requests under way at once: their answers are large, and one that hangs must not hold up all.
pub const REQUESTS_AT_ONCE: usize = 4;
/// Between two requests, so that many symbols do not ask in one burst.
pub const REQUEST_SPACING: Duration = Duration::from_millis(100);
/// The venue's wait after a refusal that names none.
pub const REFUSAL_WAIT: Duration = Duration::from_secs(60);
/// Rows of one answer: the venue's limit.
pub const ROWS: i64 = 1_000;
/// Trade ids that may be skipped while the link lives before the id itself is doubted.
pub const PLAUSIBLE_SKIP: i64 = 1_000;
/// Stretches of missing trades that one symbol keeps: an hour of a link that loses one trade a minute.
pub const MISSING_RANGES: usize = 64;
/// Longest wait between two attempts to fetch the same.
pub const LONGEST_RETRY: Duration = Duration::from_secs(60);
