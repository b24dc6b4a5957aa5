//! Requests of orders become calls, each in its turn.

use messages::orders::Replacement;
use messages::risk::Refusal;
use messages::venues::{NOT_CONNECTED, ReportKind, VenueRequest};
use messages::{ClientOrderId, Exchange, Reason, Symbol, UtcNanos, VenueOrderId};

use super::super::rules;
use super::super::{call::Call, request};
use super::*;

/// Reason of what was refused here because its turn would come too late.
const LIMIT: &str = "alpaca.request_limit";

/// A call that waits for its turn.
#[derive(Debug)]
pub(super) struct Job {
    pub queued: UtcNanos,
    pub purpose: Purpose,
    pub call: Call,
}

impl Job {
    /// True where it places this order.
    fn places(&self, name: ClientOrderId) -> bool {
        matches!(self.purpose, Purpose::Submit(placed) if placed == name)
    }

    /// When nobody wants it any more.
    fn late_at(&self, urgency: Urgency) -> Option<UtcNanos> {
        let late = if urgency == Urgency::Close { LATE_TO_CLOSE } else { LATE };
        (!self.purpose.may_be_late()).then(|| self.queued.after(late))
    }
}

/// What a call is for.
#[derive(Debug)]
pub(super) enum Purpose {
    Submit(ClientOrderId),
    Cancel {
        name: ClientOrderId,
        order: VenueOrderId,
    },
    Replace {
        new_name: ClientOrderId,
        order: VenueOrderId,
    },
    /// To find the venue's id of the order that this request is about.
    Find(Box<VenueRequest>),
    Ask(Box<Inquiry>),
    /// A page of open orders.
    OpenOrders(u32),
    /// A page of fills for the sweep.
    Fills(u32),
    /// A part of what the account holds, for the question of this time.
    Look(UtcNanos, Part),
    /// How an asset is listed now.
    Listing(Symbol),
}

/// What would be new at the venue by a request.
enum New {
    /// An order.
    Order(ClientOrderId),
    /// Terms of one; they have a name of their own.
    Terms(ClientOrderId),
}

impl New {
    /// Nothing by a cancel or a question: they are made again, and that they did not leave says nothing of an order.
    fn by(request: &VenueRequest) -> Option<Self> {
        match request {
            VenueRequest::Submit { client_order_id: name, .. } => Some(Self::Order(*name)),
            VenueRequest::Replace { new_client_order_id: name, .. } => Some(Self::Terms(*name)),
            VenueRequest::Cancel { .. }
            | VenueRequest::Query { .. }
            | VenueRequest::Account { .. }
            | VenueRequest::Rules { .. } => None,
        }
    }
}

/// What there is to hope for what did not leave.
#[derive(Clone, Copy)]
enum Outlook {
    /// It might leave another time.
    NotNow,
    /// The venue would never take it.
    Never,
}

impl Session {
    pub(super) fn request(&mut self, request: &VenueRequest, now: UtcNanos, out: &mut Vec<Do>) {
        if self.stage != Stage::Live {
            let why = refusal(NOT_CONNECTED, "the venue is not reached; nothing was sent");
            return self.unsent(New::by(request), Outlook::NotNow, why, now, out);
        }
        match request {
            VenueRequest::Submit { client_order_id, request: order, .. } => {
                match request::submit(*client_order_id, order, self.settings.hours) {
                    Ok(call) => {
                        let urgency = if order.reduce_only { Urgency::Close } else { Urgency::Order };
                        self.queue(urgency, Purpose::Submit(*client_order_id), call, now);
                    }
                    Err(why) => self.unsent(New::by(request), Outlook::Never, why, now, out),
                }
            }
            VenueRequest::Cancel { client_order_id, .. } if self.take_back(*client_order_id) => {
                out.push(Do::Report(self.books.report(*client_order_id, None, now, ReportKind::Canceled)));
            }
            // Orders say a cancel again for as long as it is not answered: its turn may come later than that.
            VenueRequest::Cancel { client_order_id, .. } if self.is_canceling(*client_order_id) => {}
            VenueRequest::Cancel { client_order_id, venue_order_id, .. } => {
                match venue_order_id.or_else(|| self.books.id_of(*client_order_id)) {
                    Some(order) => {
                        let purpose = Purpose::Cancel { name: *client_order_id, order };
                        self.queue(Urgency::Cancel, purpose, Call::cancel(order), now);
                    }
                    None => self.find(*client_order_id, request, Urgency::Cancel, now),
                }
            }
            VenueRequest::Replace { client_order_id, venue_order_id, new_client_order_id, replacement, .. } => {
                match venue_order_id.or_else(|| self.books.id_of(*client_order_id)) {
                    Some(id) => self.replace(request, id, *new_client_order_id, replacement, now, out),
                    None => self.find(*client_order_id, request, Urgency::Order, now),
                }
            }
            // It has not left: that the venue does not know it says nothing.
            VenueRequest::Query { client_order_id, .. } if self.is_waiting(*client_order_id) => {}
            VenueRequest::Query { client_order_id, .. } => self.query(*client_order_id, now, out),
            VenueRequest::Account { wanted, at } => self.look(wanted, *at, now),
            VenueRequest::Rules { instruments, .. } => {
                for instrument in instruments.iter().filter(|instrument| instrument.exchange == Exchange::Alpaca) {
                    self.ask_listing(instrument.symbol, now);
                }
            }
        }
    }

    /// True while a new order waits for its turn.
    fn is_waiting(&self, name: ClientOrderId) -> bool {
        self.waiting.values().flatten().any(|job| job.places(name))
    }

    /// Lets go of a new order that waits for its turn; true where there was one.
    fn take_back(&mut self, name: ClientOrderId) -> bool {
        let is_waiting = self.is_waiting(name);
        if is_waiting {
            self.waiting.values_mut().for_each(|jobs| jobs.retain(|job| !job.places(name)));
        }
        is_waiting
    }

    /// True while a cancel of this order waits for its turn or is under way.
    fn is_canceling(&self, name: ClientOrderId) -> bool {
        let waiting = self.waiting.get(&Urgency::Cancel).into_iter().flatten().map(|job| &job.purpose);
        waiting.chain(self.calls.values()).any(|purpose| purpose.cancels() == Some(name))
    }

    /// Asks how an asset is listed, unless that is being asked. Each asset is a call of its own, and nothing waits for them.
    fn ask_listing(&mut self, symbol: Symbol, now: UtcNanos) {
        let waiting = self.waiting.get(&Urgency::Leisure).into_iter().flatten().map(|job| &job.purpose);
        let mut asked = waiting.chain(self.calls.values());
        if !asked.any(|purpose| matches!(purpose, Purpose::Listing(of) if *of == symbol)) {
            self.queue(Urgency::Leisure, Purpose::Listing(symbol), Call::asset(symbol), now);
        }
    }

    fn find(&mut self, id: ClientOrderId, request: &VenueRequest, urgency: Urgency, now: UtcNanos) {
        self.queue(urgency, Purpose::Find(Box::new(request.clone())), Call::order_by_client_id(id), now);
    }

    fn replace(
        &mut self,
        request: &VenueRequest,
        order: VenueOrderId,
        new_name: ClientOrderId,
        terms: &Replacement,
        now: UtcNanos,
        out: &mut Vec<Do>,
    ) {
        let known =
            self.books.status_of(order).map(|(status, by_value)| rules::check_replacement(status, by_value, terms));
        if let Some(Err(why)) = known {
            return self.unsent(New::by(request), Outlook::Never, why, now, out);
        }
        let call = request::replace(order, new_name, terms);
        self.queue(Urgency::Order, Purpose::Replace { new_name, order }, call, now);
    }

    fn query(&mut self, id: ClientOrderId, now: UtcNanos, out: &mut Vec<Do>) {
        let Some(inquiry) = self.sweep.answer(id) else { return self.inquire(Subject::Ours(id), now) };
        let mut said = Vec::new();
        // It is whole: there is nothing that could not be told.
        let _ = inquiry.tell(&mut self.books, now, &mut said);
        self.say(said, now, out);
    }

    pub(super) fn queue(&mut self, urgency: Urgency, purpose: Purpose, call: Call, now: UtcNanos) {
        self.waiting.entry(urgency).or_default().push_back(Job { queued: now, purpose, call });
    }

    /// In front of all others: what was refused for now and may be said twice.
    pub(super) fn queue_again(&mut self, urgency: Urgency, purpose: Purpose, call: Call, now: UtcNanos) {
        self.waiting.entry(urgency).or_default().push_front(Job { queued: now, purpose, call });
    }

    /// When something that waits has its turn, or is too late.
    pub(super) fn next_turn(&self, now: UtcNanos) -> Option<UtcNanos> {
        let first = |(urgency, jobs): (&Urgency, &VecDeque<Job>)| {
            let job = jobs.front()?;
            let turn = self.budget.next(*urgency, now);
            Some(job.late_at(*urgency).map_or(turn, |late| turn.min(late)))
        };
        self.waiting.iter().filter_map(first).min()
    }

    /// Lets go what may go.
    pub(super) fn pump(&mut self, now: UtcNanos, out: &mut Vec<Do>) {
        for urgency in Urgency::ALL {
            while let Some(front) = self.waiting.get(&urgency).and_then(VecDeque::front) {
                let is_late = front.late_at(urgency).is_some_and(|late| late <= now);
                let is_needless = self.is_needless(front, now);
                let is_cut_off = front.purpose.needs_connection() && self.stage != Stage::Live;
                if !is_late && !is_needless && !is_cut_off && self.budget.next(urgency, now) > now {
                    break;
                }
                let Some(job) = self.waiting.get_mut(&urgency).and_then(VecDeque::pop_front) else { break };
                if is_needless {
                    continue;
                }
                if is_late || is_cut_off {
                    let why = if is_late {
                        refusal(LIMIT, "its turn among the requests a minute came too late; nothing was sent")
                    } else {
                        refusal(NOT_CONNECTED, "the venue was not reached any more; nothing was sent")
                    };
                    self.unsent(job.purpose.makes(), Outlook::NotNow, why, now, out);
                } else {
                    self.go(job, now, out);
                }
            }
        }
    }

    /// True for a cancel whose order ended while it waited. That was told, and the venue would only refuse it.
    fn is_needless(&self, job: &Job, now: UtcNanos) -> bool {
        let Purpose::Cancel { order, .. } = job.purpose else { return false };
        job.queued < now && self.books.status_of(order).is_some_and(|(status, _)| status.is_final())
    }

    fn go(&mut self, job: Job, now: UtcNanos, out: &mut Vec<Do>) {
        self.budget.go(now);
        self.last_call += 1;
        let id = CallId(self.last_call);
        out.push(Do::Call(id, job.call));
        match &job.purpose {
            Purpose::Submit(name) => out.push(Do::Report(self.books.report(*name, None, now, ReportKind::Submitted))),
            Purpose::Replace { new_name, order } => self.books.replacing(*order, *new_name),
            _ => {}
        }
        self.calls.insert(id, job.purpose);
    }

    /// Tells what became of something that did not leave.
    fn unsent(&mut self, new: Option<New>, outlook: Outlook, why: Refusal, now: UtcNanos, out: &mut Vec<Do>) {
        let Refusal { reason, text } = why;
        let (name, kind) = match (new, outlook) {
            (None, _) => return,
            (Some(New::Order(name)), Outlook::NotNow) => (name, ReportKind::NotTaken { reason, text }),
            (Some(New::Order(name)), Outlook::Never) => (name, ReportKind::Rejected { reason, text }),
            (Some(New::Terms(name)), _) => (name, ReportKind::ReplaceRejected { reason }),
        };
        out.push(Do::Report(self.books.report(name, None, now, kind)));
    }
}

impl Purpose {
    /// The order that it cancels, or that it looks for to cancel it.
    fn cancels(&self) -> Option<ClientOrderId> {
        match self {
            Self::Cancel { name, .. } => Some(*name),
            Self::Find(request) => match **request {
                VenueRequest::Cancel { client_order_id, .. } => Some(client_order_id),
                _ => None,
            },
            _ => None,
        }
    }

    /// What is new at the venue by it.
    fn makes(&self) -> Option<New> {
        match self {
            Self::Submit(name) => Some(New::Order(*name)),
            Self::Replace { new_name, .. } => Some(New::Terms(*new_name)),
            Self::Find(request) => New::by(request),
            Self::Cancel { .. }
            | Self::Ask(_)
            | Self::OpenOrders(_)
            | Self::Fills(_)
            | Self::Look(..)
            | Self::Listing(_) => None,
        }
    }

    /// False for what nobody wants any more when it comes late.
    fn may_be_late(&self) -> bool {
        self.makes().is_none()
    }

    /// True for what must not be done while its outcome would not be heard.
    fn needs_connection(&self) -> bool {
        !self.may_be_late()
    }
}

fn refusal(code: &'static str, text: &str) -> Refusal {
    Refusal { reason: Reason::code(code), text: text.to_owned() }
}
