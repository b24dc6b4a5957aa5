//! What an answer by REST does: its rows that are new become market data, and its last page closes the gaps.

use std::time::Duration;

use messages::market::FeedItem;
use messages::{Symbol, UtcNanos};

use super::AlpacaSession;
use crate::feeds::alpaca::backfill::{Backfill, Job, What};
use crate::feeds::alpaca::rest::{Page, Row};
use crate::feeds::alpaca::settings::History;
use crate::feeds::alpaca::watch::{OVERLAP, Watched};
use crate::feeds::session::{Answer, Do, Notice, Out, RequestId};

/// The wait after 429 where the venue names none: its rate is per minute.
const RATE_WAIT: Duration = Duration::from_secs(15);

/// Whether a row is not there yet. One without a number, where the stream was heard as well, counts as heard: else it
/// would count twice.
fn is_new(job: &Job, delay: Duration, watched: &Watched, row: &Row<'_>) -> bool {
    let heard = row.time < job.start.after(OVERLAP) || row.time >= job.planned.before(delay);
    match row.sequence {
        Some(sequence) => watched.is_new(sequence),
        None => job.what == What::Bars || !heard,
    }
}

impl AlpacaSession {
    /// Sends the request that is due.
    pub(super) fn fetch(&mut self, now: UtcNanos, out: &mut Out) {
        let Some(history) = self.settings.feed.history() else { return };
        let said = self.connection().and_then(|connection| connection.said);
        if let Some((id, path)) = self.backfill.next_request(history, said, now) {
            self.counters.requests += 1;
            let url = format!("{}{path}", self.settings.data_url);
            out.effects.push(Do::Ask { id, url, headers: self.settings.keys.headers() });
        }
    }

    pub(super) fn on_answer(&mut self, id: RequestId, answer: Result<Answer<'_>, &str>, now: UtcNanos, out: &mut Out) {
        // A job that was dropped with its connection is asked anew with the next one.
        let Some(job) = self.backfill.answered(id) else { return };
        match answer {
            Ok(Answer { status: 200, body, .. }) => self.on_page(job, body, now, out),
            Ok(Answer { status: 429, retry_after, .. }) => {
                self.counters.errors += 1;
                if let Some(job) = self.backfill.wait(job, retry_after.unwrap_or(RATE_WAIT), now) {
                    self.give_up(job, "the venue's rate is used up", out);
                }
            }
            // Of our request, or of what our plan has: it will not be answered another time.
            Ok(Answer { status: status @ 400..=499, body, .. }) => {
                let text = String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned();
                self.give_up(job, &format!("history is refused: {status} {text}"), out);
            }
            Ok(Answer { status, .. }) => self.failed(job, &format!("history fails: {status}"), now, out),
            Err(why) => self.failed(job, &format!("history fails: {why}"), now, out),
        }
        self.fetch(now, out);
    }

    fn failed(&mut self, job: Job, why: &str, now: UtcNanos, out: &mut Out) {
        self.counters.errors += 1;
        if let Some(job) = self.backfill.retry(job, now) {
            self.give_up(job, why, out);
        }
    }

    fn on_page(&mut self, mut job: Job, body: &[u8], now: UtcNanos, out: &mut Out) {
        let Some(history) = self.settings.feed.history() else { return };
        let mut page = match Page::read(body) {
            Ok(page) => page,
            Err(error) => {
                self.counters.undecodable += 1;
                return self.failed(job, &error.to_string(), now, out);
            }
        };
        let last = page.rows.iter().filter_map(|(symbol, rows)| Some((*symbol, rows.last()?.time))).max();
        if let Err(error) = self.hand_on(&job, &mut page, history, now, out) {
            self.counters.undecodable += 1;
            return self.give_up(job, &error, out);
        }
        job.reached = last.or(job.reached);
        self.filled(&job);
        if job.goes_on(page.next.take()) {
            return self.backfill.resume(job);
        }
        if job.token.is_some() {
            return self.give_up(job, "history is longer than is fetched", out);
        }
        self.complete(&job, out);
    }

    /// Records and hands on the rows that are new.
    fn hand_on(
        &mut self,
        job: &Job,
        page: &mut Page<'_>,
        history: History,
        now: UtcNanos,
        out: &mut Out,
    ) -> Result<(), String> {
        let delay = history.delay;
        for (symbol, rows) in &mut page.rows {
            match self.symbols.get(symbol) {
                // Of one that misses nothing (it was forgotten and came anew) nobody knows which trades are there.
                Some(watched) if job.what == What::Bars || watched.misses_trades() => {
                    rows.retain(|row| row.updated || is_new(job, delay, watched, row))
                }
                _ => rows.clear(),
            }
        }
        if page.rows.iter().all(|(_, rows)| rows.is_empty()) {
            return Ok(());
        }
        let line = page.record(job.what.name(), &Backfill::path(job, history));
        self.decoder.decode(&line, now, &mut out.items).map_err(|error| error.to_string())?;
        out.by_rest = true;
        out.record = Some(line);
        self.count(page, job, out);
        Ok(())
    }

    fn count(&mut self, page: &Page<'_>, job: &Job, out: &Out) {
        if job.what == What::Bars {
            return;
        }
        self.counters.backfilled += out.items.iter().filter(|item| matches!(item, FeedItem::Tick(_))).count() as u64;
        for (symbol, rows) in &page.rows {
            let Some(watched) = self.symbols.get_mut(symbol) else { continue };
            for (time, sequence) in rows.iter().filter_map(|row| Some((row.time, row.sequence?))) {
                watched.fetched(time, sequence, job.end);
            }
        }
    }

    /// Pages come by symbol, then by time: symbols before the last row's are whole.
    fn filled(&mut self, job: &Job) {
        let Some((last, time)) = job.reached.filter(|_| job.what == What::Trades) else { return };
        for symbol in job.symbols.iter().filter(|symbol| **symbol <= last) {
            if let Some(watched) = self.symbols.get_mut(symbol).filter(|watched| watched.awaits(job.planned)) {
                watched.filled_to(if *symbol < last { job.end } else { time });
            }
        }
    }

    fn complete(&mut self, job: &Job, out: &mut Out) {
        if job.what == What::Trades {
            self.recover(&job.symbols, job.planned, out);
        }
    }

    fn recover(&mut self, symbols: &[Symbol], planned: UtcNanos, out: &mut Out) {
        let mut gaps = Vec::new();
        for symbol in symbols {
            if let Some(watched) = self.symbols.get_mut(symbol) {
                watched.recovered(planned, &mut gaps);
            }
        }
        self.report(gaps, out);
    }

    /// What was not fetched stays missing, and that is told.
    fn give_up(&mut self, job: Job, why: &str, out: &mut Out) {
        out.notices.push(Notice::Warning(format!("{} stay missing: {why}", job.what.name())));
        if job.what == What::Bars {
            return;
        }
        let last = job.reached.map(|(symbol, _)| symbol);
        let whole = job.symbols.partition_point(|symbol| last.is_some_and(|last| *symbol < last));
        self.recover(&job.symbols[..whole], job.planned, out);
        self.abandon(&job.symbols[whole..], job.planned, out);
    }
}
