//! Frames of the connection: events of the user data stream, and answers.

use messages::UtcNanos;
use serde_json::Value;

use super::super::answer::Answer;
use super::super::failure::{Demand, Failure};
use super::super::heard::Heard;
use super::super::limits::RateLimit;
use super::super::report;
use super::{Effect, LEAVES_WITHIN, Session};

impl Session {
    /// A frame.
    pub fn frame(&mut self, text: &str, now: UtcNanos, out: &mut Vec<Effect>) {
        self.heard_at = now;
        let Ok(message) = serde_json::from_str::<Value>(text) else {
            return out.push(Effect::heard(Heard::unreadable("a frame that is no JSON", text)));
        };
        if message["event"].is_object() {
            let heard = report::event(&message["event"], self.account);
            self.heard(heard, now, out);
        } else if message["e"].is_string() {
            self.heard(report::event(&message, self.account), now, out);
        } else if message["status"].is_u64() {
            self.response(&message, text, now, out);
        } else {
            out.push(Effect::heard(Heard::unreadable("a frame of no known shape", text)));
        }
    }

    fn response(&mut self, message: &Value, text: &str, now: UtcNanos, out: &mut Vec<Effect>) {
        if let Ok(limits) = serde_json::from_value::<Vec<RateLimit>>(message["rateLimits"].clone()) {
            self.budget.state(&limits, now);
        }
        let status = message["status"].as_u64().and_then(|status| u16::try_from(status).ok()).unwrap_or_default();
        let answer: Answer = if status == 200 {
            Ok(message["result"].clone())
        } else {
            Err(Failure::read(status, &message["error"].to_string(), None, now))
        };
        if let Err(failure) = &answer {
            self.obey(failure, now, out);
        }
        match message["id"].as_u64().and_then(|id| self.owed.remove(&id)) {
            Some(owed) => self.answered(owed, &answer, now, out),
            None => out.push(Effect::heard(Heard::unreadable(
                "an answer to nothing that was asked, or one that is late",
                text,
            ))),
        }
    }

    /// Does what a refusal asks for, beside its outcome.
    pub(super) fn obey(&mut self, failure: &Failure, now: UtcNanos, out: &mut Vec<Effect>) {
        match failure.demand() {
            Demand::Nothing => {}
            Demand::Wait(until) => {
                self.budget.close(until, now);
                out.push(Effect::heard(Heard::Limited(failure.to_string())));
            }
            Demand::NoOrders(until) => {
                self.budget.close_orders(until, now);
                out.push(Effect::heard(Heard::Limited(failure.to_string())));
            }
            Demand::Clock if self.is_up() => self.ask_time(now, out),
            Demand::Clock => {}
            Demand::Key => out.push(Effect::heard(Heard::Unauthorized(failure.to_string()))),
            Demand::Reconnect => {
                self.leaves = Some((now.after(LEAVES_WITHIN), "the venue asks for another connection"))
            }
        }
    }
}
