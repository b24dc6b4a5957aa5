//! The rules of symbols, asked again while we run: the venue changes them, and by the old ones orders would be denied that it takes, or
//! sent that it refuses.
//!
//! Orders asks on its schedule. A refusal by a filter makes us ask at once, for what is held against orders let it pass.

use std::time::Duration;

use messages::venues::{ToldRules, VenueRequest};
use messages::{Symbol, UtcNanos};

use super::super::answer::Answer;
use super::super::call::Call;
use super::super::failure::Failure;
use super::super::filters;
use super::super::heard::Heard;
use super::{Asked, Effect, Session};
use crate::venues::rules::Rules;

/// The most symbols of one question: one answer about all that are traded would be longer than a frame may be.
const SYMBOLS: usize = 50;
/// Refusals make us ask this often at most: some filters look at what only the venue knows, and refuse by rules that did not change.
const DOUBTS_EVERY: Duration = Duration::from_secs(60);

impl Session {
    /// Asks for the rules of symbols, but not of those that are being asked for. Without a symbol the venue would tell of all that it
    /// has; then there is no question.
    pub(super) fn ask_rules(&mut self, mut symbols: Vec<Symbol>, now: UtcNanos, out: &mut Vec<Effect>) {
        symbols.retain(|one| !self.asked().any(|asked| matches!(asked, Asked::Rules(of) if of.contains(one))));
        for some in symbols.chunks(SYMBOLS) {
            self.send_or_wait(Call::exchange_info(some), Asked::Rules(some.to_vec()), now, out);
        }
    }

    /// Asks for the rules of a symbol where one of its filters refused an order.
    pub(super) fn doubt_rules(
        &mut self,
        request: &VenueRequest,
        answer: &Answer,
        now: UtcNanos,
        out: &mut Vec<Effect>,
    ) {
        let symbol = match (request, answer) {
            (VenueRequest::Submit { request, .. }, Err(failure)) if failure.is_of_a_filter() => {
                request.instrument.symbol
            }
            (VenueRequest::Replace { instrument, .. }, Err(failure)) if failure.is_of_a_filter() => instrument.symbol,
            _ => return,
        };
        if self.doubted_at.after(DOUBTS_EVERY) <= now {
            self.doubted_at = now;
            self.ask_rules(vec![symbol], now, out);
        }
    }

    /// What cannot be learned stays as it was. One symbol that is not there any more makes the venue refuse all: each half is asked for
    /// by itself, until it stands alone.
    pub(super) fn rules_answered(&mut self, symbols: &[Symbol], answer: &Answer, now: UtcNanos, out: &mut Vec<Effect>) {
        if symbols.len() > 1 && answer.as_ref().is_err_and(Failure::is_of_a_symbol) {
            let (one, other) = symbols.split_at(symbols.len() / 2);
            self.ask_rules(one.to_vec(), now, out);
            return self.ask_rules(other.to_vec(), now, out);
        }
        let lost = |why: String| {
            let names: Vec<&str> = symbols.iter().map(Symbol::as_str).collect();
            Effect::heard(Heard::unreadable(format!("the rules of {} stay as they were", names.join(", ")), &why))
        };
        let read = match answer {
            Ok(body) => filters::read(body.to_string().as_bytes()).map_err(|error| error.to_string()),
            Err(failure) => Err(failure.to_string()),
        };
        match read {
            Ok((all, unreadable)) => {
                out.extend(unreadable.iter().map(|why| lost(why.to_string())));
                let ours = all.into_iter().filter(|filters| symbols.contains(&filters.instrument.symbol));
                let told: Vec<ToldRules> = ours.map(|filters| Rules::Binance(Box::new(filters)).told()).collect();
                if !told.is_empty() {
                    out.push(Effect::Rules(told));
                }
            }
            Err(why) => out.push(lost(why)),
        }
    }
}
