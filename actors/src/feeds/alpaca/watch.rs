//! What a session knows of one symbol: when its channels were last heard, what they miss, and which trades it has seen.
//!
//! A channel that is lost opens a gap; quotes close it with the first quote, the book with the next whole one, trades
//! once history has filled it, or with the bounds that stay missing.
//!
//! Invariant: a gap is opened once and closed once, under the same instant `from`; memory is bounded by time and number.

mod stream;

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use messages::market::{Depth, DepthKind, Gap, GapCause, GapChannel, Tick};
use messages::time::nanos;
use messages::{Symbol, UtcNanos};

use super::settings::Channel;
use stream::{Open, Stream, gap, gap_channel};

/// By how much a trade may come behind one of a later time. History is asked from that much before the last message on,
/// and trades of twice that are remembered, so that none of them counts twice.
pub const OVERLAP: Duration = Duration::from_secs(10);
/// Trades remembered of a symbol: twice the overlap at 800 a second.
const RECENT: usize = 16_384;
/// Trades remembered while a gap is being filled. Beyond it the market's own window must do.
const SEEN: usize = 2_000_000;

/// Trades that are missing.
#[derive(Debug)]
struct Missing {
    /// In the venue's time: those before are there.
    start: UtcNanos,
    /// Trades that are there all the same.
    seen: BTreeSet<i64>,
}

/// One symbol.
#[derive(Debug)]
pub struct Watched {
    symbol: Symbol,
    streams: Vec<Stream>,
    recent: VecDeque<(UtcNanos, i64)>,
    missing: Option<Missing>,
    subscribed: bool,
    /// When its last message was received.
    pub last: Option<UtcNanos>,
    /// Times that its book came whole again after a gap.
    pub resyncs: u64,
}

impl Watched {
    /// Nothing heard yet.
    pub fn new(symbol: Symbol, channels: &[Channel]) -> Self {
        let streams = channels.iter().filter_map(|channel| gap_channel(*channel));
        let streams = streams.map(|channel| Stream { channel, last: None, since: None, gap: None }).collect();
        Self { symbol, streams, recent: VecDeque::new(), missing: None, subscribed: false, last: None, resyncs: 0 }
    }

    /// Which it is.
    pub fn symbol(&self) -> Symbol {
        self.symbol
    }

    fn stream(&mut self, channel: GapChannel) -> Option<&mut Stream> {
        self.streams.iter_mut().find(|stream| stream.channel == channel)
    }

    /// It is subscribed in these channels now, and in no others: those that are not among them any more are lost. True
    /// when its trades come (again).
    pub fn acknowledged(&mut self, channels: &[Channel], start: UtcNanos, now: UtcNanos, gaps: &mut Vec<Gap>) -> bool {
        self.subscribed = !channels.is_empty();
        let mut resumed = false;
        for at in 0..self.streams.len() {
            let stream = &mut self.streams[at];
            if !channels.iter().any(|channel| gap_channel(*channel) == Some(stream.channel)) {
                let from = stream.last;
                self.lose(at, GapCause::Disconnect, from, start, gaps);
            } else if stream.since.is_none() {
                stream.since = Some(now);
                resumed |= stream.channel == GapChannel::Trades;
            }
        }
        resumed
    }

    /// Whether any of it is subscribed on the present connection.
    pub fn is_subscribed(&self) -> bool {
        self.subscribed
    }

    /// Nothing comes any more: opens a gap in each channel that was subscribed. `fed` is when the connection last brought
    /// market data of any symbol: up to then nothing is missing of the silent ones either. Trades from `start` on, in the venue's
    /// time, may be missing.
    pub fn lost(&mut self, cause: GapCause, fed: Option<UtcNanos>, start: UtcNanos, gaps: &mut Vec<Gap>) {
        self.subscribed = false;
        for at in 0..self.streams.len() {
            let from = self.streams[at].last.max(fed);
            self.lose(at, cause, from, start, gaps);
        }
    }

    /// Nothing has come up to `now`, for nobody listened: opens a gap in each channel. Trades from `start` on, in the
    /// venue's time, may be missing.
    pub fn unheard(&mut self, now: UtcNanos, start: UtcNanos, gaps: &mut Vec<Gap>) {
        for at in 0..self.streams.len() {
            if self.streams[at].gap.is_none() {
                self.open(at, Open { from: now, cause: GapCause::Stopped }, start, gaps);
            }
        }
    }

    /// A message of a channel could not be read: it is missing, though the stream goes on. `from` is when the last one
    /// that may have been read was received.
    pub fn flawed(
        &mut self,
        channel: GapChannel,
        from: Option<UtcNanos>,
        start: UtcNanos,
        now: UtcNanos,
        gaps: &mut Vec<Gap>,
    ) {
        let subscribed = |stream: &Stream| stream.channel == channel && stream.since.is_some();
        if let Some(at) = self.streams.iter().position(subscribed) {
            self.lose(at, GapCause::Sequence, from, start, gaps);
            self.streams[at].since = Some(now);
        }
    }

    /// Opens a gap in a channel that was subscribed, unless one is open.
    fn lose(&mut self, at: usize, cause: GapCause, from: Option<UtcNanos>, start: UtcNanos, gaps: &mut Vec<Gap>) {
        let stream = &mut self.streams[at];
        let Some(since) = stream.since.take().filter(|_| stream.gap.is_none()) else { return };
        let from = from.map_or(since, |from| from.max(since));
        self.open(at, Open { from, cause }, start, gaps);
    }

    fn open(&mut self, at: usize, open: Open, start: UtcNanos, gaps: &mut Vec<Gap>) {
        let stream = &mut self.streams[at];
        stream.gap = Some(open);
        gaps.push(gap(self.symbol, stream.channel, open, None));
        if stream.channel == GapChannel::Trades {
            let seen = self.recent.iter().map(|(_, sequence)| *sequence).collect();
            self.missing = Some(Missing { start, seen });
        }
    }

    /// A trade of the stream.
    pub fn trade(&mut self, tick: &Tick, now: UtcNanos) {
        self.heard(GapChannel::Trades, now);
        let Some(sequence) = tick.sequence.filter(|_| tick.revision == 0) else { return };
        self.saw(sequence);
        self.remember(tick.time, sequence);
        let old = tick.time.before(OVERLAP * 2);
        while self.recent.front().is_some_and(|(time, _)| *time < old) {
            self.recent.pop_front();
        }
    }

    /// A quote of the stream: the first one closes the gap.
    pub fn quote(&mut self, now: UtcNanos, gaps: &mut Vec<Gap>) {
        self.heard(GapChannel::Quotes, now);
        self.close(GapChannel::Quotes, None, now, gaps);
    }

    /// A book of the stream: a whole one closes the gap, for nothing is missing in it any more.
    pub fn book(&mut self, depth: &Depth, now: UtcNanos, gaps: &mut Vec<Gap>) {
        self.heard(GapChannel::Depth, now);
        if depth.kind == DepthKind::Snapshot && self.close(GapChannel::Depth, Some(GapCause::Recovered), now, gaps) {
            self.resyncs += 1;
        }
    }

    fn heard(&mut self, channel: GapChannel, now: UtcNanos) {
        self.last = Some(now);
        if let Some(stream) = self.stream(channel) {
            stream.last = Some(now);
        }
    }

    /// Closes a channel's gap, with its own cause or another. False when it has none.
    fn close(&mut self, channel: GapChannel, cause: Option<GapCause>, to: UtcNanos, gaps: &mut Vec<Gap>) -> bool {
        let symbol = self.symbol;
        let Some(open) = self.stream(channel).and_then(|stream| stream.gap.take()) else { return false };
        let open = Open { cause: cause.unwrap_or(open.cause), ..open };
        gaps.push(gap(symbol, channel, open, Some(to)));
        true
    }

    /// From where on trades are to be asked for; `None` while none are missing or the stream is not there yet.
    pub fn asks_from(&self) -> Option<UtcNanos> {
        self.resumed()?;
        self.missing.as_ref().map(|missing| missing.start)
    }

    /// Whether trades are known to be missing.
    pub fn misses_trades(&self) -> bool {
        self.missing.is_some()
    }

    /// Since when trades come again.
    fn resumed(&self) -> Option<UtcNanos> {
        self.streams.iter().find(|stream| stream.channel == GapChannel::Trades)?.since
    }

    /// Whether a trade from history is new.
    pub fn is_new(&self, sequence: i64) -> bool {
        !self.missing.as_ref().is_some_and(|missing| missing.seen.contains(&sequence))
    }

    /// A trade has come from history, which was asked for up to `end`. After the next loss those that are close to that
    /// may be asked for again.
    pub fn fetched(&mut self, time: UtcNanos, sequence: i64, end: UtcNanos) {
        self.saw(sequence);
        if time >= end.before(OVERLAP * 2) {
            self.remember(time, sequence);
        }
    }

    fn remember(&mut self, time: UtcNanos, sequence: i64) {
        self.recent.push_back((time, sequence));
        if self.recent.len() > RECENT {
            self.recent.pop_front();
        }
    }

    /// A trade has come, by the stream or from history.
    fn saw(&mut self, sequence: i64) {
        if let Some(missing) = self.missing.as_mut().filter(|missing| missing.seen.len() < SEEN) {
            missing.seen.insert(sequence);
        }
    }

    /// History is there up to `time`, in the venue's time.
    pub fn filled_to(&mut self, time: UtcNanos) {
        if let Some(missing) = &mut self.missing {
            missing.start = missing.start.max(time);
        }
    }

    /// Whether history that was asked for at `planned` still stands for all that is missing: the stream came back then
    /// and has not been lost since. Where it has, what is asked for next begins at the first hole.
    pub fn awaits(&self, planned: UtcNanos) -> bool {
        self.resumed() == Some(planned)
    }

    /// All that was missed up to `planned` is there.
    pub fn recovered(&mut self, planned: UtcNanos, gaps: &mut Vec<Gap>) {
        if self.awaits(planned) {
            self.missing = None;
            self.close(GapChannel::Trades, Some(GapCause::Recovered), planned, gaps);
        }
    }

    /// The rest of what was missed up to `planned` stays missing. `delay` is by how much the stream is late. Where history has filled the beginning, the gap
    /// is closed as recovered and a second one stands for what is left.
    pub fn abandoned(&mut self, planned: UtcNanos, delay: Duration, gaps: &mut Vec<Gap>) {
        let to = planned;
        let Some(missing) = self.awaits(planned).then(|| self.missing.take()).flatten() else { return };
        let symbol = self.symbol;
        let Some(open) = self.stream(GapChannel::Trades).and_then(|stream| stream.gap.take()) else { return };
        let filled = missing.start.after(delay);
        if filled <= open.from || filled >= to {
            return gaps.push(gap(symbol, GapChannel::Trades, open, Some(to)));
        }
        let recovered = Open { cause: GapCause::Recovered, ..open };
        gaps.push(gap(symbol, GapChannel::Trades, recovered, Some(filled)));
        gaps.push(gap(symbol, GapChannel::Trades, Open { from: filled, ..open }, Some(to)));
    }

    /// It is forgotten: its gaps end here, unfilled.
    pub fn dismissed(&mut self, now: UtcNanos, gaps: &mut Vec<Gap>) {
        for channel in [GapChannel::Trades, GapChannel::Quotes, GapChannel::Depth] {
            self.close(channel, None, now, gaps);
        }
    }

    /// `none`, `waiting` or `synced`.
    pub fn book_state(&self) -> &'static str {
        match self.streams.iter().find(|stream| stream.channel == GapChannel::Depth) {
            None => "none",
            Some(Stream { since: Some(_), last: Some(_), gap: None, .. }) => "synced",
            Some(_) => "waiting",
        }
    }

    /// Whether nothing came for longer than `after`.
    pub fn is_stale(&self, now: UtcNanos, after: Duration) -> bool {
        self.last.is_some_and(|last| now.since(last) > nanos(after))
    }
}
