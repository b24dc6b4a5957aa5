//! Requests of orders on their way out.

use messages::orders::{OrderRequest, OrderType};
use messages::risk::Refusal;
use messages::venues::{NOT_CONNECTED, ReportKind, VenueReport, VenueRequest};
use messages::{ClientOrderId, Exchange, Quantity, Reason, UtcNanos};

use super::super::call::{Call, Names};
use super::{Asked, Effect, Known, Session};

impl Session {
    /// A request of orders. While the venue is not reached it ends here: it is never sent later.
    pub fn request(&mut self, request: VenueRequest, now: UtcNanos, out: &mut Vec<Effect>) {
        if !self.is_up() {
            if let VenueRequest::Submit { client_order_id, .. } = request {
                let (reason, text) =
                    (Reason::code(NOT_CONNECTED), "the venue is not reached; it was not sent".to_owned());
                self.report(client_order_id, ReportKind::NotTaken { reason, text }, now, out);
            }
            return;
        }
        match &request {
            VenueRequest::Submit { client_order_id, request: terms, .. } => {
                let (id, terms) = (*client_order_id, terms.clone());
                let placing = Call::place(id, &terms).map(|call| (self.may_go(&call, now), call));
                match placing {
                    Ok((Ok(()), call)) => {
                        // A market order never stands open, and nobody replaces it.
                        if terms.order_type != OrderType::Market {
                            self.known.insert(id, Known { request: *terms, told: Quantity::ZERO, is_replaced: false });
                        }
                        self.send(call, Asked::Order(request), now, out);
                        self.report(id, ReportKind::Submitted, now, out);
                    }
                    Ok((Err(Refusal { reason, text }), _)) => {
                        self.report(id, ReportKind::NotTaken { reason, text }, now, out);
                    }
                    Err(Refusal { reason, text }) => self.report(id, ReportKind::Rejected { reason, text }, now, out),
                }
            }
            // It has ended, and the end waits for its fills.
            VenueRequest::Cancel { client_order_id, .. } if self.waiting_ends.contains_key(client_order_id) => {}
            VenueRequest::Cancel { client_order_id, instrument, .. } => {
                if !self.is_canceling(*client_order_id) {
                    let call = Call::cancel(*client_order_id, instrument.symbol);
                    self.send_or_wait(call, Asked::Order(request), now, out);
                }
            }
            VenueRequest::Query { client_order_id, instrument, .. } => {
                if !self.is_asked(*client_order_id) {
                    let call = Call::order_status(*client_order_id, instrument.symbol);
                    self.send_or_wait(call, Asked::Order(request), now, out);
                }
            }
            VenueRequest::Account { wanted, at } => self.look(wanted, *at, now, out),
            VenueRequest::Rules { instruments, .. } => {
                let ours = instruments.iter().filter(|instrument| instrument.exchange == Exchange::Binance);
                self.ask_rules(ours.map(|instrument| instrument.symbol).collect(), now, out);
            }
            VenueRequest::Replace { client_order_id, .. } => match self.known.get(client_order_id) {
                Some(known) => {
                    let current = known.request.clone();
                    self.replace(request, &current, now, out);
                }
                None => self.ask_terms(request, now, out),
            },
        }
    }

    /// After a start the venue knows the terms, and we do not. A replacement waits for nothing but them: later it would be none that
    /// anybody wants.
    fn ask_terms(&mut self, request: VenueRequest, now: UtcNanos, out: &mut Vec<Effect>) {
        let VenueRequest::Replace { client_order_id, new_client_order_id: new, instrument, .. } = &request else {
            return;
        };
        let call = Call::order_status(*client_order_id, instrument.symbol);
        match self.may_go(&call, now) {
            Ok(()) => self.send(call, Asked::Terms(request), now, out),
            Err(Refusal { reason, .. }) => self.report(*new, ReportKind::ReplaceRejected { reason }, now, out),
        }
    }

    /// A question whose answer is owed is not asked twice.
    fn is_asked(&self, id: ClientOrderId) -> bool {
        self.asked().any(|asked| match asked {
            Asked::Order(VenueRequest::Query { client_order_id, .. }) => *client_order_id == id,
            Asked::Successor { of, .. } => *of == id,
            _ => false,
        })
    }

    /// A cancel that waits, or whose answer is owed, is not said twice: orders repeats it, and repetitions would take the room of others.
    fn is_canceling(&self, id: ClientOrderId) -> bool {
        self.asked().any(|asked| {
            matches!(asked, Asked::Order(VenueRequest::Cancel { client_order_id, .. }) if *client_order_id == id)
        })
    }

    /// An order that waited for the budget would be none that anybody wants.
    fn may_go(&self, call: &Call, now: UtcNanos) -> Result<(), Refusal> {
        match self.budget.when(call, now) {
            Some(at) if at <= now => Ok(()),
            at => {
                let until = at.map_or_else(|| "ever".to_owned(), |at| format!("before {at}"));
                let text = format!("the limits of the venue take no more requests {until}; it was not sent");
                Err(Refusal { reason: Reason::code("binance.rate_limit"), text })
            }
        }
    }

    /// Sends a replacement of an order whose terms are known.
    pub(super) fn replace(
        &mut self,
        request: VenueRequest,
        current: &OrderRequest,
        now: UtcNanos,
        out: &mut Vec<Effect>,
    ) {
        let VenueRequest::Replace { client_order_id, new_client_order_id, replacement, .. } = &request else { return };
        let names = Names { current: *client_order_id, new: *new_client_order_id };
        let call = Call::replace(names, current, *replacement);
        let call = call.and_then(|call| self.may_go(&call, now).map(|()| call));
        match call {
            Ok(call) => {
                let told = self.known.get(&names.current).map_or(Quantity::ZERO, |known| known.told);
                self.known.insert(names.current, Known { request: current.clone(), told, is_replaced: true });
                self.send(call, Asked::Order(request), now, out);
            }
            Err(Refusal { reason, .. }) => self.report(names.new, ReportKind::ReplaceRejected { reason }, now, out),
        }
    }

    pub(super) fn report(
        &self,
        client_order_id: ClientOrderId,
        kind: ReportKind,
        now: UtcNanos,
        out: &mut Vec<Effect>,
    ) {
        let report = VenueReport { account: self.account, client_order_id, venue_order_id: None, time: now, kind };
        out.push(Effect::Reports(vec![report]));
    }
}
