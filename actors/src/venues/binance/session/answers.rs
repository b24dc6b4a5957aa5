//! What answers and events come to: reports, and further questions.

use std::collections::BTreeMap;

use messages::orders::Replacement;
use messages::time::nanos;
use messages::venues::{ReportKind, VenueReport, VenueRequest};
use messages::{ClientOrderId, Quantity, Reason, UtcNanos};
use serde::Deserialize;

use super::super::answer::{self, Answer, Context};
use super::super::call::{Call, with_terms};
use super::super::clock::Offset;
use super::super::failure::Outcome;
use super::super::heard::Heard;
use super::super::key::KeyKind;
use super::super::order::OrderBody;
use super::{Asked, ENDED, Effect, LEAVES_WITHIN, Owed, REPLACES_WITHIN, Session, Stage};

impl Session {
    /// An answer came.
    pub(super) fn answered(&mut self, owed: Owed, answer: &Answer, now: UtcNanos, out: &mut Vec<Effect>) {
        match owed.asked {
            Asked::Time => self.clock_answered(owed.since, answer, now, out),
            Asked::LogOn | Asked::Subscribe => self.set_up(&owed.asked, answer, now, out),
            Asked::Account(asked, part) => self.looked((asked, part), answer, now, out),
            Asked::Order(request @ VenueRequest::Query { .. }) => self.query_answered(&request, answer, now, out),
            Asked::Order(request) => {
                let heard = answer::heard(&request, answer, self.context(now));
                self.heard(heard, now, out);
                self.doubt_rules(&request, answer, now, out);
            }
            Asked::Rules(symbols) => self.rules_answered(&symbols, answer, now, out),
            Asked::Terms(request) => self.terms_answered(request, answer, now, out),
            Asked::Successor { of, found } => self.successor_answered(of, found, answer, now, out),
            Asked::Fills { order, so_far } => self.fills_answered(*order, so_far, answer, now, out),
            Asked::Missing { order, symbol } => {
                let orders = answer.as_ref().ok().map(OrderBody::deserialize);
                match orders {
                    Some(Ok(body)) => self.ask_fills(body, now, out),
                    _ => out.push(Effect::heard(Heard::Open {
                        client_order_id: order,
                        why: format!("fills of it on {symbol} are missing, and the venue did not say where it stands"),
                    })),
                }
            }
        }
    }

    fn context(&self, now: UtcNanos) -> Context {
        Context { account: self.account, now }
    }

    /// The clock first: what is signed carries its time.
    fn clock_answered(&mut self, asked: UtcNanos, answer: &Answer, now: UtcNanos, out: &mut Vec<Effect>) {
        let said = answer.as_ref().ok().and_then(answer::server_time);
        if let Some(said) = said {
            self.offset = Offset::measured(asked, said, now);
        }
        if self.stage != Stage::Clock {
            return;
        }
        if said.is_none() {
            return self.leave("the venue did not tell its time", now, out);
        }
        if self.key.kind() == KeyKind::Ed25519 {
            self.stage = Stage::LoggingOn;
            self.send(Call::log_on(), Asked::LogOn, now, out);
        } else {
            self.stage = Stage::Subscribing;
            self.send(Call::subscribe_signed(), Asked::Subscribe, now, out);
        }
    }

    fn set_up(&mut self, asked: &Asked, answer: &Answer, now: UtcNanos, out: &mut Vec<Effect>) {
        if let Err(failure) = answer {
            return self.leave(&format!("the venue refused the session: {failure}"), now, out);
        }
        if matches!(asked, Asked::LogOn) {
            self.stage = Stage::Subscribing;
            return self.send(Call::subscribe(), Asked::Subscribe, now, out);
        }
        self.stage = Stage::Up;
        out.push(Effect::Connected);
    }

    /// Where an order stands. One that ended or is not known may live on under the name of a replacement.
    fn query_answered(&mut self, request: &VenueRequest, answer: &Answer, now: UtcNanos, out: &mut Vec<Effect>) {
        let VenueRequest::Query { client_order_id: id, instrument, .. } = request else { return };
        let (id, symbol) = (*id, instrument.symbol);
        let found = match answer {
            Ok(body) => match OrderBody::deserialize(body) {
                Ok(order) => Some(order),
                Err(_) => return self.heard(answer::heard(request, answer, self.context(now)), now, out),
            },
            Err(failure) if failure.outcome() == Outcome::NotKnown => None,
            Err(_) => return self.heard(answer::heard(request, answer, self.context(now)), now, out),
        };
        let ended = found.as_ref().is_none_or(|order| order.status == "CANCELED");
        let may_be_replaced = self.known.get(&id).is_none_or(|known| known.is_replaced);
        if ended && self.is_being_replaced(id) {
            let why = "a replacement of it is on its way".to_owned();
            return out.push(Effect::heard(Heard::Open { client_order_id: id, why }));
        }
        if ended && may_be_replaced {
            let from = found.as_ref().map(|order| order.order_id);
            let asked = Asked::Successor { of: id, found: found.map(Box::new) };
            return self.send_or_wait(Call::all_orders(symbol, from), asked, now, out);
        }
        match found {
            Some(order) => self.ask_fills(order, now, out),
            None => self.report(id, ReportKind::Unknown, now, out),
        }
    }

    /// Whether an answer to a replacement of the order is owed, or the terms that it starts from.
    fn is_being_replaced(&self, id: ClientOrderId) -> bool {
        self.asked().any(|asked| match asked {
            Asked::Order(request @ VenueRequest::Replace { .. }) | Asked::Terms(request) => {
                request.client_order_id() == Some(id)
            }
            _ => false,
        })
    }

    fn successor_answered(
        &mut self,
        of: ClientOrderId,
        found: Option<Box<OrderBody>>,
        answer: &Answer,
        now: UtcNanos,
        out: &mut Vec<Effect>,
    ) {
        let body = match answer {
            Ok(body) => body,
            Err(failure) => {
                return out.push(Effect::heard(Heard::Open { client_order_id: of, why: failure.to_string() }));
            }
        };
        let (orders, unread) = answer::orders(body);
        // What cannot be read may be the very order.
        let is_certain = unread.is_empty();
        self.heard(unread, now, out);
        match (answer::successor(of, &orders), found) {
            (Some(order), _) => {
                let kind = ReportKind::Replaced { replacement: answer::in_force(order) };
                let said = order.key().heard(self.account, order.name(), order.changed_at(now), kind);
                self.heard(vec![said], now, out);
                self.ask_fills(order.clone(), now, out);
            }
            (None, _) if !is_certain => {}
            (None, Some(order)) => self.ask_fills(*order, now, out),
            (None, None) => self.report(of, ReportKind::Unknown, now, out),
        }
    }

    fn terms_answered(&mut self, request: VenueRequest, answer: &Answer, now: UtcNanos, out: &mut Vec<Effect>) {
        let VenueRequest::Replace { new_client_order_id: new, at, .. } = &request else { return };
        let read = match answer {
            // What was wanted then may be wanted no more.
            _ if now.since(*at) > nanos(REPLACES_WITHIN) => Err("binance.terms"),
            Ok(body) => OrderBody::deserialize(body).ok().and_then(|order| order.terms()).ok_or("binance.terms"),
            Err(failure) => Err(match failure.outcome() {
                Outcome::NotKnown | Outcome::Archived => "binance.unknown_order",
                // Nothing was changed: the replacement itself was not sent.
                Outcome::Refused(_) | Outcome::Open => "binance.terms",
            }),
        };
        match read {
            Ok(current) => self.replace(request, &current, now, out),
            Err(code) => self.report(*new, ReportKind::ReplaceRejected { reason: Reason::code(code) }, now, out),
        }
    }

    /// What the venue said, to whom it concerns: reports in their order, the rest beside them. An end that counts fills which were
    /// not told waits for them, and the answer about the fills tells it.
    pub(super) fn heard(&mut self, heard: Vec<Heard>, now: UtcNanos, out: &mut Vec<Effect>) {
        let mut reports = Vec::new();
        let mut missing = BTreeMap::new();
        for said in heard {
            match said {
                Heard::Report(report) => match missing.get(&report.client_order_id) {
                    Some(symbol) if is_end(&report.kind) => self.hold_end(report.client_order_id, *symbol, now),
                    _ => {
                        self.remember(&report);
                        reports.push(report);
                    }
                },
                Heard::Executed { client_order_id, order, quantity } => {
                    if self.told(client_order_id).is_none_or(|told| told < quantity) {
                        missing.insert(client_order_id, order.symbol);
                        self.ask_for_missing(client_order_id, order.symbol, now, out);
                    }
                }
                Heard::StreamEnded => self.leaves = Some((now, "the user data stream has ended")),
                Heard::ShuttingDown => self.leaves = Some((now.after(LEAVES_WITHIN), "the server shuts down")),
                // The replacement's answer or its own reports tell what came of it.
                Heard::FirstHalf { .. } => {}
                other => out.push(Effect::heard(other)),
            }
        }
        if !reports.is_empty() {
            out.push(Effect::Reports(reports));
        }
    }

    /// How much of an order was told as filled, where this session knows.
    fn told(&self, id: ClientOrderId) -> Option<Quantity> {
        let ended = || self.ended.iter().find(|(ended, _)| *ended == id).map(|(_, told)| *told);
        self.known.get(&id).map(|known| known.told).or_else(ended)
    }

    /// Keeps what later requests need of an order, and forgets it when it has ended.
    fn remember(&mut self, report: &VenueReport) {
        let id = report.client_order_id;
        match &report.kind {
            ReportKind::Filled(fill) => {
                let Some(known) = self.known.get_mut(&id) else { return };
                // Behind a gap the venue's count holds fills that nobody was told.
                if fill.cumulative.checked_sub(fill.quantity).is_some_and(|before| before <= known.told) {
                    known.told = known.told.max(fill.cumulative);
                }
                if known.request.quantity.is_positive() && fill.cumulative >= known.request.quantity {
                    self.known.remove(&id);
                }
            }
            ReportKind::Replaced { replacement } => self.rename(id, *replacement),
            ReportKind::Completed { .. } | ReportKind::Unknown | ReportKind::NotTaken { .. } => {
                drop(self.known.remove(&id))
            }
            kind if is_end(kind) => {
                self.waiting_ends.remove(&id);
                if let Some(known) = self.known.remove(&id) {
                    self.ended.push_back((id, known.told));
                }
                if self.ended.len() > ENDED {
                    self.ended.pop_front();
                }
            }
            _ => {}
        }
    }

    /// The order lives under its new name, with its new terms.
    fn rename(&mut self, new: ClientOrderId, terms: Replacement) {
        // It is told by an event and by an answer, and between the two its own replacement may have been asked for.
        let already = self.known.remove(&new);
        let is_replaced = already.as_ref().is_some_and(|already| already.is_replaced);
        let of = self.known.keys().copied().find(|name| answer::is_later(new, *name));
        let Some(mut known) = of.and_then(|name| self.known.remove(&name)).or(already) else { return };
        known.request = with_terms(&known.request, terms);
        known.is_replaced = is_replaced;
        self.known.insert(new, known);
    }
}

/// True for an end that no fill tells.
fn is_end(kind: &ReportKind) -> bool {
    matches!(kind, ReportKind::Canceled | ReportKind::Expired { .. } | ReportKind::Rejected { .. })
}
