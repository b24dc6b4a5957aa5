//! What calls come to.

use messages::venues::{ReportKind, VenueRequest};
use messages::{ClientOrderId, Reason, Symbol, UtcNanos, VenueOrderId};

use super::super::call::Call;
use super::super::inquiry::{Next, Told};
use super::super::order::OrderObject;
use super::super::outcome::Outcome;
use super::*;
use crate::venues::rules::Rules;
use crate::wire::alpaca::asset;

impl Session {
    pub(super) fn answered(&mut self, id: CallId, answer: Result<Answer<'_>, &str>, now: UtcNanos, out: &mut Vec<Do>) {
        let Some(purpose) = self.calls.remove(&id) else { return };
        if let Ok(answer) = &answer {
            self.budget.hear(answer.remaining, answer.reset, now);
            match answer.outcome() {
                Outcome::Limited => {
                    self.budget.refused(answer.retry_after, answer.reset, now);
                    out.push(Do::Tell(Note::Limited));
                }
                Outcome::Unauthorized { text } => out.push(Do::Tell(Note::Unauthorized(text))),
                _ => {}
            }
        }
        match purpose {
            Purpose::Submit(name) => self.submitted(name, answer, now, out),
            Purpose::Cancel { name, order } => self.canceled(name, order, answer, now, out),
            Purpose::Replace { new_name, order } => self.replaced(new_name, order, answer, now, out),
            Purpose::Find(request) => self.found(*request, answer, now, out),
            Purpose::Ask(inquiry) => self.told(*inquiry, answer, now, out),
            Purpose::OpenOrders(generation) => self.open_orders(generation, answer, now, out),
            Purpose::Fills(generation) => self.sweep_fills(generation, answer, now, out),
            Purpose::Look(asked, part) => self.looked(asked, part, answer, now, out),
            Purpose::Listing(symbol) => self.listed(symbol, answer, now, out),
        }
    }

    fn submitted(&mut self, name: ClientOrderId, answer: Result<Answer<'_>, &str>, now: UtcNanos, out: &mut Vec<Do>) {
        let kind = match answer.as_ref().map(|answer| (answer.outcome(), answer.body)) {
            Ok((Outcome::Done, body)) => match OrderObject::read_body(body) {
                Ok(order) => {
                    let mut said = Vec::new();
                    self.books.placed(name, &order, now, &mut said);
                    return self.say(said, now, out);
                }
                // It was taken; what of it is asked.
                Err(error) => {
                    let what = format!("the answer to order {name}");
                    out.push(Do::Tell(Note::Unreadable { error: error.to_string(), what }));
                    return self.inquire(Subject::Ours(name), now);
                }
            },
            Ok((Outcome::Refused { reason, text }, _)) => ReportKind::Rejected { reason, text },
            Ok((Outcome::Limited, _)) => not_taken("alpaca.request_limit", "too many requests".to_owned()),
            Ok((Outcome::Unauthorized { text }, _)) => not_taken("alpaca.unauthorized", text),
            Ok((Outcome::NotKnown, _)) => {
                ReportKind::Rejected { reason: Reason::code("alpaca.not_found"), text: "404".to_owned() }
            }
            // It may be there or not: it stays submitted until the venue says.
            Ok((Outcome::Ambiguous { .. }, _)) | Err(_) => return self.inquire(Subject::Ours(name), now),
        };
        out.push(Do::Report(self.books.report(name, None, now, kind)));
    }

    fn canceled(
        &mut self,
        name: ClientOrderId,
        order: VenueOrderId,
        answer: Result<Answer<'_>, &str>,
        now: UtcNanos,
        out: &mut Vec<Do>,
    ) {
        let code = match answer.as_ref().map(Answer::outcome) {
            // Only that it was taken; the stream says the rest.
            Ok(Outcome::Done) => return,
            Ok(Outcome::NotKnown) => "alpaca.unknown_order",
            Ok(Outcome::Refused { .. }) => "alpaca.not_cancelable",
            // A cancel may be said twice.
            Ok(Outcome::Limited) => {
                let purpose = Purpose::Cancel { name, order };
                return self.queue_again(Urgency::Cancel, purpose, Call::cancel(order), now);
            }
            Ok(Outcome::Unauthorized { .. } | Outcome::Ambiguous { .. }) | Err(_) => return,
        };
        let kind = ReportKind::CancelRejected { reason: Reason::code(code) };
        out.push(Do::Report(self.books.report(name, None, now, kind)));
    }

    fn replaced(
        &mut self,
        name: ClientOrderId,
        older: VenueOrderId,
        answer: Result<Answer<'_>, &str>,
        now: UtcNanos,
        out: &mut Vec<Do>,
    ) {
        let reason = match answer.as_ref().map(|answer| (answer.outcome(), answer.body)) {
            Ok((Outcome::Done, body)) => {
                match OrderObject::read_body(body) {
                    Ok(order) => self.books.taken(older, name, &order),
                    Err(error) => {
                        let what = format!("the answer to replacement {name}");
                        out.push(Do::Tell(Note::Unreadable { error: error.to_string(), what }));
                    }
                }
                return;
            }
            Ok((Outcome::Refused { reason, .. }, _)) => reason,
            Ok((Outcome::NotKnown, _)) => Reason::code("alpaca.unknown_order"),
            Ok((Outcome::Limited, _)) => Reason::code("alpaca.request_limit"),
            Ok((Outcome::Unauthorized { .. }, _)) => Reason::code("alpaca.unauthorized"),
            // It may be under way: orders ask when no answer comes.
            Ok((Outcome::Ambiguous { .. }, _)) | Err(_) => return,
        };
        let kind = ReportKind::ReplaceRejected { reason };
        out.push(Do::Report(self.books.report(name, None, now, kind)));
    }

    /// The venue's id that a cancel or a replacement needs.
    fn found(&mut self, request: VenueRequest, answer: Result<Answer<'_>, &str>, now: UtcNanos, out: &mut Vec<Do>) {
        let Ok(answer) = answer else { return };
        let Some(name) = request.client_order_id() else { return };
        match answer.outcome() {
            Outcome::Done => match OrderObject::read_body(answer.body) {
                Ok(order) => self.request(&with_id(request, order.id), now, out),
                Err(error) => {
                    let what = format!("order {name}");
                    out.push(Do::Tell(Note::Unreadable { error: error.to_string(), what }));
                }
            },
            Outcome::NotKnown => {
                let reason = Reason::code("alpaca.unknown_order");
                let (name, kind) = match request {
                    VenueRequest::Replace { new_client_order_id, .. } => {
                        (new_client_order_id, ReportKind::ReplaceRejected { reason })
                    }
                    _ => (name, ReportKind::CancelRejected { reason }),
                };
                out.push(Do::Report(self.books.report(name, None, now, kind)));
            }
            // Nothing was changed; orders say a cancel again, and ask about a replacement.
            Outcome::Limited | Outcome::Unauthorized { .. } | Outcome::Refused { .. } | Outcome::Ambiguous { .. } => {}
        }
    }

    fn told(&mut self, mut inquiry: Inquiry, answer: Result<Answer<'_>, &str>, now: UtcNanos, out: &mut Vec<Do>) {
        let subject = inquiry.subject();
        match inquiry.hear(answer.as_ref().map_err(|why| *why)) {
            Next::Ask(call) => return self.queue(Urgency::Question, Purpose::Ask(Box::new(inquiry)), call, now),
            Next::Limited(call) => {
                return self.queue_again(Urgency::Question, Purpose::Ask(Box::new(inquiry)), call, now);
            }
            Next::Tell => {
                let mut said = Vec::new();
                if inquiry.tell(&mut self.books, now, &mut said) == Told::NotYet {
                    self.again.push((now.after(ASK_AGAIN), subject));
                }
                self.say(said, now, out);
            }
            Next::NotKnown => match subject {
                Subject::Ours(name) => {
                    out.push(Do::Report(self.books.report(name, None, now, ReportKind::Unknown)));
                }
                Subject::Theirs(id) => {
                    let (error, what) = ("it is not known".to_owned(), format!("order {id}"));
                    out.push(Do::Tell(Note::Unreadable { error, what }));
                }
            },
            Next::Failed(note) => {
                out.push(Do::Tell(*note));
                // What orders ask they ask again; what the stream made us ask nobody else does.
                if matches!(subject, Subject::Theirs(_)) {
                    self.again.push((now.after(ASK_AGAIN), subject));
                }
            }
        }
        self.asking.remove(&subject);
        if self.outdated.remove(&subject) {
            self.inquire(subject, now);
        }
    }

    /// How an asset is listed now. What cannot be learned stays as it was.
    fn listed(&mut self, symbol: Symbol, answer: Result<Answer<'_>, &str>, now: UtcNanos, out: &mut Vec<Do>) {
        let error = match answer.as_ref().map(|answer| (answer.outcome(), answer.body)) {
            Ok((Outcome::Done, body)) => match asset::read_one(body) {
                Ok(listed) => return out.push(Do::Rules(vec![Rules::Alpaca(Box::new(listed)).told()])),
                Err(error) => error.to_string(),
            },
            Ok((Outcome::Limited, _)) => {
                return self.queue_again(Urgency::Leisure, Purpose::Listing(symbol), Call::asset(symbol), now);
            }
            Ok((Outcome::Refused { text, .. }, _)) => text,
            Ok((Outcome::Unauthorized { text } | Outcome::Ambiguous { text }, _)) => text,
            Ok((Outcome::NotKnown, _)) => "404".to_owned(),
            Err(why) => (*why).to_owned(),
        };
        out.push(Do::Tell(Note::Unreadable { error, what: format!("how {symbol} is listed") }));
    }
}

fn not_taken(code: &'static str, text: String) -> ReportKind {
    ReportKind::NotTaken { reason: Reason::code(code), text }
}

fn with_id(mut request: VenueRequest, id: VenueOrderId) -> VenueRequest {
    match &mut request {
        VenueRequest::Cancel { venue_order_id, .. } | VenueRequest::Replace { venue_order_id, .. } => {
            *venue_order_id = Some(id);
        }
        VenueRequest::Submit { .. }
        | VenueRequest::Query { .. }
        | VenueRequest::Account { .. }
        | VenueRequest::Rules { .. } => {}
    }
    request
}
