//! What is subscribed and what should be. Alpaca answers each request with the whole set that is subscribed now; what
//! it lacks is asked for again, what is too much is given up, within bounds.
//!
//! Invariant: at most one request is unanswered; every request either changes the set, makes the next one smaller, or
//! counts as a try, of which there are [`TRIES`].

mod renewals;
mod request;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use messages::{Symbol, UtcNanos};

use super::settings::Channel;
use renewals::Renewals;
use request::request;

/// Symbols of one request.
const AT_ONCE: usize = 400;
/// Requests without effect, one after the other, before the symbols are left out until the next connection.
const TRIES: u32 = 3;
/// The wait after one without effect, for what is amiss there may pass.
const TRY_AGAIN: Duration = Duration::from_secs(5);

#[derive(Debug)]
struct Asked {
    symbols: Vec<Symbol>,
    at: UtcNanos,
    subscribe: bool,
    /// What was left to do.
    left: usize,
}

/// The subscriptions of one connection.
#[derive(Debug)]
pub struct Subscriptions {
    channels: Vec<Channel>,
    wanted: Vec<Symbol>,
    /// Symbols that have all channels, and those that have some.
    whole: BTreeSet<Symbol>,
    some: BTreeSet<Symbol>,
    /// Whose each of the channels is subscribed.
    sets: Vec<BTreeSet<Symbol>>,
    /// Left out, and why.
    refused: BTreeMap<Symbol, String>,
    asked: Option<Asked>,
    at_once: usize,
    /// A number of symbols that is said to fit.
    limit: Option<usize>,
    /// A number of symbols that was refused.
    too_many: Option<usize>,
    tries: u32,
    /// Nothing is asked before.
    not_before: Option<UtcNanos>,
    /// What could not be unsubscribed.
    stuck: BTreeSet<Symbol>,
    /// Books that are to begin anew.
    renewals: Renewals,
}

impl Subscriptions {
    /// Nothing is subscribed yet.
    pub fn new(wanted: Vec<Symbol>, channels: Vec<Channel>, limit: Option<usize>) -> Self {
        Self {
            channels,
            wanted,
            whole: BTreeSet::new(),
            some: BTreeSet::new(),
            sets: Vec::new(),
            refused: BTreeMap::new(),
            asked: None,
            at_once: AT_ONCE,
            limit,
            too_many: limit.map(|limit| limit.saturating_add(1)),
            tries: 0,
            not_before: None,
            stuck: BTreeSet::new(),
            renewals: Renewals::default(),
        }
    }

    /// Every symbol that is wanted.
    pub fn wanted(&self) -> &[Symbol] {
        &self.wanted
    }

    /// What is subscribed of each.
    pub fn channels(&self) -> &[Channel] {
        &self.channels
    }

    /// Symbols that are subscribed in all channels.
    pub fn whole(&self) -> &BTreeSet<Symbol> {
        &self.whole
    }

    /// The channels in which a symbol is subscribed.
    pub fn channels_of(&self, symbol: Symbol) -> Vec<Channel> {
        let listed = self.channels.iter().zip(&self.sets).filter(|(_, set)| set.contains(&symbol));
        listed.map(|(channel, _)| *channel).collect()
    }

    /// Wants other symbols. One that was left out is tried again once it is added again.
    pub fn change(&mut self, add: &[Symbol], remove: &[Symbol]) {
        self.wanted.retain(|symbol| !remove.contains(symbol));
        self.refused.retain(|symbol, _| !remove.contains(symbol));
        for symbol in add {
            if !self.wanted.contains(symbol) {
                self.wanted.push(*symbol);
            }
        }
    }

    /// How many symbols more fit, as far as is known.
    pub fn room(&self) -> usize {
        self.too_many.map_or(usize::MAX, |too_many| too_many.saturating_sub(self.wanted.len() + 1))
    }

    /// A book has a hole: its subscription is given up and asked for again, for it begins with the whole book.
    pub fn renew(&mut self, symbol: Symbol, now: UtcNanos) {
        if self.channels_of(symbol).contains(&Channel::Orderbooks) {
            self.renewals.add(symbol, now);
        }
    }

    /// The connection is gone.
    pub fn disconnected(&mut self) {
        self.whole.clear();
        self.some.clear();
        self.sets.clear();
        self.asked = None;
        self.tries = 0;
        self.not_before = None;
        self.refused.clear();
        self.stuck.clear();
        self.renewals.clear();
        self.at_once = AT_ONCE;
    }

    /// The whole set that is subscribed now.
    pub fn acknowledged(&mut self, channels: &[(String, Vec<String>)], now: UtcNanos) {
        let of = |channel: Channel| -> BTreeSet<Symbol> {
            let named = channels.iter().filter(|(name, _)| name == channel.name());
            named.flat_map(|(_, symbols)| symbols.iter().filter_map(|symbol| symbol.parse().ok())).collect()
        };
        let sets: Vec<BTreeSet<Symbol>> = self.channels.iter().map(|channel| of(*channel)).collect();
        let before = self.some.len() + self.whole.len();
        self.some = sets.iter().flatten().copied().collect();
        self.whole = self.some.iter().copied().filter(|symbol| sets.iter().all(|set| set.contains(symbol))).collect();
        self.renewals.keep(&of(Channel::Orderbooks));
        self.sets = sets;
        let Some(asked) = self.asked.take() else { return };
        if self.left() < asked.left {
            self.tries = 0;
            self.at_once = self.at_once.saturating_mul(2).min(AT_ONCE);
        } else {
            // What changed otherwise than was asked may be mended at once.
            let changed = before != self.some.len() + self.whole.len();
            self.without_effect(asked, now);
            self.not_before = self.not_before.filter(|_| !changed);
        }
    }

    fn without_effect(&mut self, asked: Asked, now: UtcNanos) {
        self.tries += 1;
        if self.tries < TRIES {
            self.not_before = Some(now.after(TRY_AGAIN));
            return;
        }
        self.tries = 0;
        if asked.subscribe {
            self.refuse(&asked.symbols, "the venue does not acknowledge it");
        } else {
            self.renewals.clear();
            self.stuck.extend(asked.symbols);
        }
    }

    fn refuse(&mut self, symbols: &[Symbol], why: &str) {
        self.refused.extend(symbols.iter().map(|symbol| (*symbol, why.to_owned())));
    }

    /// The request that is refused. What was to be unsubscribed is asked for as often as anything that has no effect,
    /// for it is still there.
    fn subscription(&mut self, now: UtcNanos) -> Option<Asked> {
        let asked = self.asked.take()?;
        if asked.subscribe {
            return Some(asked);
        }
        self.without_effect(asked, now);
        None
    }

    /// The last request was wrong (400): one symbol at fault is left out, of several half is tried.
    pub fn wrong(&mut self, why: &str, now: UtcNanos) {
        let Some(asked) = self.subscription(now) else { return };
        match asked.symbols.len() {
            0 | 1 => self.refuse(&asked.symbols, why),
            many => self.at_once = many / 2,
        }
    }

    /// The last request can never be had.
    pub fn impossible(&mut self, why: &str, now: UtcNanos) {
        if let Some(asked) = self.subscription(now) {
            self.refuse(&asked.symbols, why);
        }
    }

    /// The last request was too much (405); the set is as it was.
    pub fn too_many(&mut self, now: UtcNanos) {
        let Some(asked) = self.subscription(now) else { return };
        let total = self.some.len() + asked.symbols.len();
        self.too_many = Some(self.too_many.map_or(total, |known| known.min(total)));
    }

    /// No answer came in time. True when it is not worth asking again.
    pub fn unanswered(&mut self) -> bool {
        self.asked = None;
        self.tries += 1;
        self.tries >= TRIES
    }

    /// When the unanswered request was sent.
    pub fn asked_at(&self) -> Option<UtcNanos> {
        self.asked.as_ref().map(|asked| asked.at)
    }

    /// Until when nothing is asked, for the last request had no effect.
    pub fn waits_until(&self) -> Option<UtcNanos> {
        self.not_before
    }

    /// When something may be asked, and not before.
    pub fn due(&self) -> Option<UtcNanos> {
        let due = self.not_before.or(self.renewals.next_due());
        due.filter(|_| self.asked.is_none())
    }

    /// The next request; `None` while one is unanswered, before [`Self::waits_until`], or when nothing is left to do.
    pub fn next_request(&mut self, now: UtcNanos) -> Option<String> {
        if self.asked.is_some() || self.not_before.is_some_and(|at| at > now) {
            return None;
        }
        self.not_before = None;
        if let Some(renewal) = self.renewal(now) {
            return Some(renewal);
        }
        let (symbols, subscribe) = match self.superfluous() {
            none if none.is_empty() => (self.missing(), true),
            some => (some, false),
        };
        let at_once = if subscribe { self.at_once.min(self.step()) } else { AT_ONCE };
        let left = self.left();
        let symbols: Vec<Symbol> = symbols.into_iter().take(at_once).collect();
        if symbols.is_empty() {
            return None;
        }
        let text = request(if subscribe { "subscribe" } else { "unsubscribe" }, &self.channels, &symbols);
        self.asked = Some(Asked { symbols, at: now, subscribe, left });
        Some(text)
    }

    /// Gives up books that have a hole, and nothing else of their symbols; they are missing then.
    fn renewal(&mut self, now: UtcNanos) -> Option<String> {
        let symbols = self.renewals.begin(now);
        let text = (!symbols.is_empty()).then(|| request("unsubscribe", &[Channel::Orderbooks], &symbols))?;
        self.asked = Some(Asked { symbols, at: now, subscribe: false, left: self.left() });
        Some(text)
    }

    /// How many symbols the next request may add: all that is known to fit, or half of what may.
    fn step(&self) -> usize {
        let Some(too_many) = self.too_many else { return usize::MAX };
        let most = too_many.saturating_sub(self.some.len() + 1);
        let known = self.limit.filter(|limit| *limit < too_many).map(|limit| limit.saturating_sub(self.some.len()));
        known.filter(|known| *known > 0).unwrap_or(most.div_ceil(2)).min(most)
    }

    fn left(&self) -> usize {
        // A book that is given up is missing afterwards, and yet something was done.
        self.missing().len() + self.superfluous().len() + 2 * self.renewals.len()
    }

    fn missing(&self) -> Vec<Symbol> {
        let left_out = |symbol: &&Symbol| !self.whole.contains(symbol) && !self.refused.contains_key(symbol);
        self.wanted.iter().filter(left_out).copied().collect()
    }

    fn superfluous(&self) -> Vec<Symbol> {
        let kept = |symbol: &Symbol| self.wanted.contains(symbol) || self.stuck.contains(symbol);
        self.some.iter().filter(|symbol| !kept(symbol)).copied().collect()
    }

    /// Wanted symbols that are not subscribed and will not be, once nothing is left to ask, and why.
    pub fn left_out(&self) -> Vec<(Symbol, String)> {
        let why = |symbol: Symbol| match self.refused.get(&symbol) {
            Some(why) => why.clone(),
            None => "the plan's number of symbols is reached".to_owned(),
        };
        let left = self.wanted.iter().filter(|symbol| !self.whole.contains(symbol));
        left.map(|symbol| (*symbol, why(*symbol))).collect()
    }
}
