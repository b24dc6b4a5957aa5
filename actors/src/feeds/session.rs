//! What a live feed's session hears and says. A session is the pure state of one venue's connections: which are
//! open, what is subscribed, what was missed, what is asked for. It knows no socket and no clock.
//!
//! The shell (`feeds/live`) opens links, sends, asks by REST, and tells the session what came of it; the same
//! session runs in the simulation over venues that drop, delay and repeat.
//!
//! Invariant: whatever a session reports from a frame or an answer, its venue's decoder reads again from the recorded
//! line, so that a recording replays to the same market data.

use std::fmt;
use std::time::Duration;

use messages::market::{FeedItem, Gap, Source};
use messages::{Symbol, UtcNanos};

use crate::wire::Link;

/// One request by REST. Numbers are given by the session and not used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestId(pub u64);

/// What happened outside.
#[derive(Debug, Clone, Copy)]
pub enum Heard<'a> {
    /// The link is open: connected, encrypted, upgraded.
    Opened(Link),
    /// A frame of text, or of bytes that hold text.
    Frame(Link, &'a [u8]),
    /// The venue pinged us or answered our ping: the link lives. (The shell has answered with the same payload.)
    Alive(Link),
    /// The link could not be opened or is closed, and why.
    Closed(Link, &'a str),
    /// A request was answered, or came to nothing.
    Answered(RequestId, Result<Answer<'a>, &'a str>),
    /// The time of [`Session::next_due`] has come.
    Timer,
}

/// An answer by REST, whatever its status.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// HTTP status.
    pub status: u16,
    /// `Retry-After`.
    pub retry_after: Option<Duration>,
    /// The weight that this address has used in the running minute, where the venue says (Binance).
    pub used_weight: Option<u32>,
    /// The body.
    pub body: &'a [u8],
}

/// What the shell is to do.
#[derive(Clone, PartialEq, Eq)]
pub enum Do {
    /// Open a link.
    Open {
        /// Its number.
        link: Link,
        /// `wss://…` or `ws://…`.
        url: String,
        /// Headers of the handshake; may hold keys.
        headers: Vec<(&'static str, String)>,
    },
    /// Send a text over a link. The session keeps to the venue's message rate itself.
    Send(Link, String),
    /// Close a link. [`Heard::Closed`] need not follow.
    Close(Link),
    /// Ask by GET.
    Ask {
        /// Its number; [`Heard::Answered`] follows, whatever happens.
        id: RequestId,
        /// `https://…` or `http://…`.
        url: String,
        /// Headers; may hold keys.
        headers: Vec<(&'static str, String)>,
    },
}

/// By hand, so that no log and no panic shows a key: of headers only the names are written.
impl fmt::Debug for Do {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn names(headers: &[(&'static str, String)]) -> Vec<&'static str> {
            headers.iter().map(|(name, _)| *name).collect()
        }
        match self {
            Self::Open { link, url, headers } => {
                let mut open = f.debug_struct("Open");
                open.field("link", link).field("url", url).field("headers", &names(headers)).finish()
            }
            Self::Send(link, text) => f.debug_tuple("Send").field(link).field(text).finish(),
            Self::Close(link) => f.debug_tuple("Close").field(link).finish(),
            Self::Ask { id, url, headers } => {
                let mut ask = f.debug_struct("Ask");
                ask.field("id", id).field("url", url).field("headers", &names(headers)).finish()
            }
        }
    }
}

/// Something that a person should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// Of the connection's usual life.
    Info(String),
    /// Something is wrong and will be tried again, or is done without.
    Warning(String),
    /// The feed does not go on until somebody changes something.
    Fatal(String),
}

/// A frame that could not be decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undecodable {
    /// Why, in words.
    pub error: String,
    /// Its beginning.
    pub frame: Vec<u8>,
}

/// What a session says to one [`Heard`]. The shell empties it and gives it again.
#[derive(Debug, Default)]
pub struct Out {
    /// Market data of the frame or answer, in its order.
    pub items: Vec<FeedItem>,
    /// Whether the items came by REST.
    pub by_rest: bool,
    /// The line to record, where it is not the frame itself: an answer by REST, wrapped for the decoder. Empty where
    /// nothing of the frame was handed on, and nothing is to be recorded.
    pub record: Option<Vec<u8>>,
    /// What to do, in order.
    pub effects: Vec<Do>,
    /// What to tell people.
    pub notices: Vec<Notice>,
    /// Frames that could not be decoded.
    pub undecodable: Vec<Undecodable>,
}

impl Out {
    /// Forgets everything and keeps its memory.
    pub fn clear(&mut self) {
        self.items.clear();
        self.by_rest = false;
        self.record = None;
        self.effects.clear();
        self.notices.clear();
        self.undecodable.clear();
    }

    /// Where the items came from.
    #[must_use]
    pub fn source(&self) -> Source {
        if self.by_rest { Source::Rest } else { Source::Stream }
    }

    /// Reports missing data.
    pub fn gap(&mut self, gap: Gap) {
        self.items.push(FeedItem::Gap(gap));
    }
}

/// Why a feed is made to pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pause {
    /// Storage or the market cannot keep up: links are closed, the gaps have the cause `overload`.
    Overload,
    /// The runtime stops.
    Stop,
}

/// The pure state of a venue's connections.
pub trait Session: Send {
    /// Begins, or goes on after a pause: opens links.
    fn begin(&mut self, now: UtcNanos, out: &mut Out);
    /// Takes in what happened. `now` is the receive time, which never falls.
    fn hear(&mut self, heard: Heard<'_>, now: UtcNanos, out: &mut Out);
    /// Wants these symbols as well, and those no more. Known ones that are added, and unknown ones that are removed,
    /// change nothing.
    ///
    /// # Errors
    /// A symbol that the venue does not have or that does not fit; then nothing changes.
    fn change(&mut self, add: &[Symbol], remove: &[Symbol], now: UtcNanos, out: &mut Out) -> Result<(), String>;
    /// Closes all links and opens the gaps; [`Self::begin`] goes on.
    fn pause(&mut self, why: Pause, now: UtcNanos, out: &mut Out);
    /// When [`Heard::Timer`] is due; `None` while nothing waits for time.
    fn next_due(&self) -> Option<UtcNanos>;
    /// How it stands.
    fn status(&self, now: UtcNanos) -> Status;
}

/// How a feed's session stands.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Status {
    /// `connecting`, `subscribing`, `live`, `waiting` (to connect again), `paused` or `failed`.
    pub state: String,
    /// What it is waiting for or why it failed, in words.
    pub why: Option<String>,
    /// Its links.
    pub links: Vec<LinkStatus>,
    /// Its symbols.
    pub symbols: Vec<SymbolStatus>,
    /// What was counted since the start.
    pub counters: Counters,
}

/// How a link stands.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LinkStatus {
    /// Its number.
    pub link: u32,
    /// `connecting`, `subscribing`, `live`, `handing_over`.
    pub state: String,
    /// Since when it is open.
    pub since: Option<UtcNanos>,
    /// Subscribed streams or channels of symbols.
    pub streams: usize,
}

/// How a symbol stands.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SymbolStatus {
    /// Which.
    pub symbol: Symbol,
    /// `live`, `stale` (nothing came for longer than `feeds.stale_after`), `silent` (nothing yet), `closed` (nothing comes, for its
    /// market is closed), `lost` (no link) or `refused` (the venue does not have it).
    pub state: String,
    /// When its last message was received.
    pub last: Option<UtcNanos>,
    /// Of its book: `none` (no depth wanted), `waiting`, `fetching`, `synced`.
    pub book: String,
    /// Times that its book was fetched again.
    pub resyncs: u64,
    /// Trades that are known to be missing and are being asked for.
    pub missing_trades: u64,
}

/// What a session has counted since its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Counters {
    /// Frames heard.
    pub frames: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Links opened, the first ones included.
    pub connects: u64,
    /// Links lost that had been open.
    pub disconnects: u64,
    /// Links replaced while both were open.
    pub handovers: u64,
    /// Gaps reported.
    pub gaps: u64,
    /// Trades fetched by REST.
    pub backfilled: u64,
    /// Books fetched again after a gap.
    pub resyncs: u64,
    /// Frames that could not be decoded.
    pub undecodable: u64,
    /// Requests by REST.
    pub requests: u64,
    /// Refusals and errors of the venue, of any kind.
    pub errors: u64,
    /// Trades that the venue corrected afterwards (Alpaca).
    pub corrections: u64,
    /// Trades that it took back (Alpaca).
    pub cancels: u64,
    /// Trading statuses: halts, resumptions and what is neither (Alpaca).
    pub statuses: u64,
    /// Limit-up/limit-down bands (Alpaca).
    pub bands: u64,
    /// Bars without a count of trades or an average price, which are no bars of ours (Alpaca).
    pub unusable_bars: u64,
}
