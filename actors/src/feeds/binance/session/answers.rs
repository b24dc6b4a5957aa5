//! Questions by REST and their answers: books, missing trades, and whether there were any.

use messages::UtcNanos;
use messages::market::{DepthKind, FeedItem, Gap, Source};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::BinanceSession;
use super::control;
use super::limits::{REFUSAL_WAIT, ROWS};
use super::requests::Question;
use super::trade_ids::{Page, Seen};
use crate::feeds::binance::rest;
use crate::feeds::session::{Answer, Do, Notice, Out, RequestId};
use crate::wire::percent;

/// Weight of a question for trades, and for aggregate trades.
const TRADES_WEIGHT: u32 = 25;
const AGG_TRADES_WEIGHT: u32 = 4;
/// The venue's code for a symbol that it does not have.
const NO_SUCH_SYMBOL: i64 = -1_121;

/// What became of a question.
enum Outcome<'a> {
    Answered(&'a [u8]),
    /// The venue did not look at it.
    NotNow,
    /// It came to nothing.
    Failed(String),
    /// The venue does not have the symbol.
    NoSuchSymbol(String),
}

impl BinanceSession {
    /// Puts what is due in the queue.
    pub(super) fn care_for_symbols(&mut self, now: UtcNanos) {
        while let Some((_, symbol)) = self.agenda.first().copied().filter(|(due, _)| *due <= now) {
            let Some(state) = self.symbols.get_mut(&symbol) else { return };
            let ready = state.ready_at.is_some();
            if let Some(book) = state.book.as_mut().filter(|book| ready && !book.asking)
                && book.wanted_at.is_some_and(|at| at <= now)
            {
                (book.wanted_at, book.asking) = (None, true);
                self.requests.push(Question::Book(symbol), self.settings.snapshot_weight());
            }
            let weight = if self.settings.channels.trade { TRADES_WEIGHT } else { AGG_TRADES_WEIGHT };
            state.trades.iter_mut().for_each(|trades| trades.ids.report(now, &mut self.gaps));
            if let Some(trades) = state.trades.as_mut().filter(|trades| !trades.asking) {
                let page = trades.ids.wanted(now).map(|page| Question::Trades(symbol, page));
                if trades.ids.away_since().is_none() {
                    trades.probe_at = None;
                }
                let is_probe_due = ready && trades.probe_at.is_some_and(|at| at <= now);
                let probe = || is_probe_due.then(|| Question::Newer(symbol, trades.ids.last()));
                if let Some(question) = page.or_else(probe) {
                    trades.asking = true;
                    self.requests.push(question, weight);
                }
            }
            self.plan(symbol);
        }
    }

    /// Asks what may be asked.
    pub(super) fn ask(&mut self, now: UtcNanos, out: &mut Out) {
        while let Some((id, question)) = self.requests.next_question(now) {
            self.counters.requests += 1;
            let url = format!("{}{}", self.settings.rest_url.trim_end_matches('/'), self.path(question));
            out.effects.push(Do::Ask { id, url, headers: Vec::new() });
        }
    }

    /// Path and query of a question.
    fn path(&self, question: Question) -> String {
        let symbol = percent::encoded(question.symbol().as_str());
        let trades = if self.settings.channels.trade { rest::TRADES } else { rest::AGG_TRADES };
        match question {
            Question::Book(_) => format!("{}?symbol={symbol}&limit={}", rest::DEPTH, self.settings.snapshot_levels),
            Question::Trades(_, page) => {
                let rows = page.last.saturating_sub(page.first).saturating_add(1).clamp(1, ROWS);
                format!("{trades}?symbol={symbol}&fromId={}&limit={rows}", page.first)
            }
            // From the known one on, so that an answer without a row is seen to be wrong.
            Question::Newer(_, Some(last)) => format!("{trades}?symbol={symbol}&fromId={last}&limit={ROWS}"),
            Question::Newer(_, None) => format!("{trades}?symbol={symbol}&limit=1"),
        }
    }

    pub(super) fn on_answer(&mut self, id: RequestId, answer: Result<Answer<'_>, &str>, now: UtcNanos, out: &mut Out) {
        if let Ok(Answer { used_weight: Some(used), .. }) = answer {
            self.requests.used(used, now);
        }
        let outcome = self.judge(answer, now, out);
        if let Outcome::NotNow = outcome {
            self.requests.again(id);
            return;
        }
        let Some(question) = self.requests.answered(id) else { return };
        let symbol = question.symbol();
        match outcome {
            Outcome::Answered(body) => self.on_body(question, body, now, out),
            Outcome::NoSuchSymbol(why) => self.refuse(symbol, &why, now, out),
            Outcome::Failed(why) => {
                self.counters.errors += 1;
                out.notices.push(Notice::Warning(format!("binance: {}: {why}", self.path(question))));
                self.on_failure(question, now);
            }
            Outcome::NotNow => {}
        }
        self.plan(symbol);
    }

    fn judge<'a>(&mut self, answer: Result<Answer<'a>, &str>, now: UtcNanos, out: &mut Out) -> Outcome<'a> {
        let answer = match answer {
            Ok(answer) => answer,
            Err(why) => return Outcome::Failed(why.to_owned()),
        };
        match answer.status {
            200 => Outcome::Answered(answer.body),
            // 403 is the firewall, which says no time.
            429 | 418 | 403 => {
                self.counters.errors += 1;
                let wait = answer.retry_after.unwrap_or(REFUSAL_WAIT);
                self.requests.wait_until(now.after(wait));
                let text =
                    format!("binance: refused with {}; nothing is asked for {} s", answer.status, wait.as_secs());
                out.notices.push(Notice::Warning(text));
                Outcome::NotNow
            }
            status => {
                let (code, text) = error_of(answer.body);
                let why = format!("{status} {}", control::described(code, text));
                if code == Some(NO_SUCH_SYMBOL) { Outcome::NoSuchSymbol(why) } else { Outcome::Failed(why) }
            }
        }
    }

    fn on_failure(&mut self, question: Question, now: UtcNanos) {
        let Some(state) = self.symbols.get_mut(&question.symbol()) else { return };
        if let Question::Book(_) = question {
            state.book.iter_mut().for_each(|book| book.try_later(now));
            return;
        }
        let Some(trades) = &mut state.trades else { return };
        trades.asking = false;
        if let Question::Trades(_, page) = question {
            trades.ids.failed(page, now, &mut self.gaps);
        } else {
            trades.probe_later(now);
        }
    }

    /// The body of an answer is read as the recording will be, from the line that is recorded.
    fn on_body(&mut self, question: Question, body: &[u8], now: UtcNanos, out: &mut Out) {
        let path = self.path(question);
        let line = rest::line(&path, body);
        let before = out.items.len();
        if let Err(error) = self.decoder.decode(&line, now, &mut out.items) {
            self.undecodable(error.to_string(), &line, out);
            self.on_failure(question, now);
            return;
        }
        let items = out.items.split_off(before);
        (out.by_rest, out.record) = (true, Some(Vec::new()));
        match question {
            Question::Book(_) => self.on_book(question, items, line, now, out),
            Question::Trades(_, page) => self.on_trades(question, Some(page), items, body, now, out),
            Question::Newer(..) => self.on_trades(question, None, items, body, now, out),
        }
    }

    fn on_book(&mut self, question: Question, items: Vec<FeedItem>, line: Vec<u8>, now: UtcNanos, out: &mut Out) {
        let state = self.symbols.get_mut(&question.symbol());
        let Some(book) = state.and_then(|state| state.book.as_mut()) else { return };
        let as_of = items.iter().find_map(|item| match item {
            FeedItem::Depth(depth) if depth.kind == DepthKind::Snapshot && depth.is_sound(now) => Some(depth.last),
            _ => None,
        });
        match as_of {
            // The market would not take it: no book came.
            None => {
                self.counters.errors += 1;
                book.try_later(now);
            }
            Some(as_of) if book.snapshot(as_of, now, &mut self.gaps) => {
                out.items.extend(items);
                out.record = Some(line);
            }
            Some(_) => {}
        }
    }

    /// Trades that are missing are handed on and recorded; what was seen before is neither.
    fn on_trades(
        &mut self,
        question: Question,
        page: Option<Page>,
        items: Vec<FeedItem>,
        body: &[u8],
        now: UtcNanos,
        out: &mut Out,
    ) {
        let path = self.path(question);
        let Some(trades) = self.symbols.get_mut(&question.symbol()).and_then(|state| state.trades.as_mut()) else {
            return;
        };
        trades.asking = false;
        let ids: Vec<i64> = items.iter().filter_map(id_of).collect();
        if let Question::Newer(_, None) = question {
            // Where one was heard meanwhile, the stream has told more.
            if trades.ids.last().is_none() && trades.begin_behind(&items, now, &mut self.gaps) {
                self.counters.backfilled += items.len() as u64;
                out.items.extend(items);
                out.record = Some(rest::line(&path, body));
            }
            return;
        }
        let rows = serde_json::from_slice::<Vec<&RawValue>>(body).unwrap_or_default();
        let mut kept = Vec::new();
        for (item, row) in items.into_iter().zip(rows) {
            let is_fresh =
                id_of(&item).is_some_and(|id| trades.ids.saw(id, Source::Rest, now, &mut self.gaps) == Seen::Fresh);
            if is_fresh {
                kept.push(row.get());
                out.items.push(item);
            }
        }
        self.counters.backfilled += kept.len() as u64;
        if !kept.is_empty() {
            out.record = Some(rest::line(&path, format!("[{}]", kept.join(",")).as_bytes()));
        }
        let (count, last) = (ids.len(), ids.iter().max().copied());
        match page {
            Some(page) => {
                let is_full = count as i64 > page.last.saturating_sub(page.first);
                let covered = last.filter(|_| is_full).map_or(page.last, |last| last.min(page.last));
                trades.ids.answered(page, covered.max(page.first), now, &mut self.gaps);
            }
            None if count == 0 => trades.probe_later(now),
            // A full answer may not be all.
            None if count as i64 == ROWS => trades.probe_at = Some(now),
            None => {
                trades.ids.caught_up(now, &mut self.gaps);
                trades.probe_at = None;
            }
        }
    }
}

impl super::symbol::TradeState {
    /// Asks once more whether there were trades, a little later each time.
    fn probe_later(&mut self, now: UtcNanos) {
        self.probes = (self.probes + 1).min(6);
        self.probe_at = Some(now.after(std::time::Duration::from_secs(1 << self.probes)));
    }

    /// The newest trade of a symbol of which none was heard yet. Of one from before that time only the id is used; true
    /// when it came since, for then it is to be handed on: the stream may have missed it.
    fn begin_behind(&mut self, items: &[FeedItem], now: UtcNanos, gaps: &mut Vec<Gap>) -> bool {
        let Some(FeedItem::Tick(newest)) = items.last() else {
            self.probe_later(now);
            return false;
        };
        let came_since = self.ids.away_since().is_some_and(|from| newest.time > from);
        if !came_since {
            self.ids.caught_up(now, gaps);
        }
        self.probe_at = None;
        newest.sequence.is_some_and(|id| self.ids.saw(id, Source::Stream, now, gaps) == Seen::Fresh) && came_since
    }
}

fn id_of(item: &FeedItem) -> Option<i64> {
    match item {
        FeedItem::Tick(tick) => tick.sequence,
        FeedItem::Depth(_) | FeedItem::Bar(_) | FeedItem::Gap(_) => None,
    }
}

/// Code and text of an error's body; `None` where it is none.
fn error_of(body: &[u8]) -> (Option<i64>, Option<String>) {
    #[derive(Deserialize)]
    struct Body {
        code: Option<i64>,
        msg: Option<String>,
    }
    serde_json::from_slice::<Body>(body).map_or((None, None), |body| (body.code, body.msg))
}
