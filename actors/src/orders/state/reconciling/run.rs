//! One run: what it waits for, what it has found so far.

use super::*;

/// What a run waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Waiting {
    /// The venue, to say what the account holds.
    Account,
    /// Answers about these orders.
    Answers(BTreeSet<OrderId>),
    /// Reports that may be on their way.
    Pause,
}

impl Waiting {
    /// What the venue has not said, in words.
    pub fn missing(&self) -> String {
        match self {
            Self::Account => "what the account holds".to_owned(),
            Self::Answers(orders) => format!("what became of orders in doubt, {} of them", orders.len()),
            Self::Pause => "all that the account holds, or not twice the same".to_owned(),
        }
    }
}

/// A run.
#[derive(Debug)]
pub(super) struct Run {
    pub cause: Cause,
    pub began: UtcNanos,
    /// The question whose answer counts.
    pub asked: UtcNanos,
    pub waits: Waiting,
    /// Since when, or since the last of several answers.
    pub since: UtcNanos,
    pub rounds: u32,
    /// People know that the venue does not answer, or not all.
    pub told: bool,
    /// Gaps of the answer before.
    pub gaps: Option<Vec<Gap>>,
    /// Orders that the answers leave to their time: they may have arrived, or have a fill, and no answer tells.
    pub in_flight: BTreeSet<OrderId>,
    /// How often each order was asked about.
    questions: BTreeMap<OrderId, u32>,
    found: BTreeMap<(DifferenceKind, String), Difference>,
    left_out: u32,
}

/// What a run leaves to a person. By default, what is left where the venue said nothing at all.
#[derive(Debug, Default)]
pub(super) struct Left {
    pub doubts: BTreeMap<OrderId, Difference>,
    pub gaps: Vec<Gap>,
    /// False where a part of the account could not be learned.
    pub is_whole: bool,
    /// When that was found.
    pub found_at: UtcNanos,
}

impl Left {
    pub fn is_empty(&self) -> bool {
        self.doubts.is_empty() && self.gaps.is_empty() && self.is_whole
    }

    /// What of it is told: an order's doubt, a gap's difference.
    fn holds(&self, difference: &Difference) -> bool {
        let is = |other: &Difference| (other.kind, &other.subject) == (difference.kind, &difference.subject);
        let incomplete = difference.kind == DifferenceKind::Incomplete && !self.is_whole;
        incomplete || self.doubts.values().any(is) || self.gaps.iter().any(|gap| is(&gap.difference()))
    }
}

impl Run {
    pub fn new(cause: Cause, now: UtcNanos) -> Self {
        Self {
            cause,
            began: now,
            asked: now,
            waits: Waiting::Account,
            since: now,
            rounds: 0,
            told: false,
            gaps: None,
            in_flight: BTreeSet::new(),
            questions: BTreeMap::new(),
            found: BTreeMap::new(),
            left_out: 0,
        }
    }

    /// The account is asked for.
    pub fn ask(&mut self, now: UtcNanos) {
        (self.asked, self.since, self.waits) = (now, now, Waiting::Account);
        self.rounds += 1;
    }

    /// When it goes on by itself.
    pub fn due(&self) -> UtcNanos {
        self.since.after(match self.waits {
            Waiting::Account | Waiting::Answers(_) => ANSWERED_WITHIN,
            Waiting::Pause => LOOKED_AT_AGAIN_AFTER,
        })
    }

    /// Something differs. What was told before is told as it stands now.
    pub fn tell(&mut self, difference: Difference) {
        let key = (difference.kind, difference.subject.clone());
        if self.found.len() < caps::DIFFERENCES || self.found.contains_key(&key) {
            self.found.insert(key, difference);
        } else {
            self.left_out += 1;
        }
    }

    /// Parts of the account could not be learned.
    pub fn not_whole(&mut self, missing: &[String]) {
        for what in missing {
            self.tell(not_learned(what));
        }
    }

    /// Which doubts are asked about, and which were asked about enough.
    pub fn weigh(
        &mut self,
        doubts: BTreeMap<OrderId, Difference>,
    ) -> (BTreeSet<OrderId>, BTreeMap<OrderId, Difference>) {
        let (mut questions, mut left) = (BTreeSet::new(), BTreeMap::new());
        for (id, doubt) in doubts {
            self.tell(doubt.clone());
            if self.may_ask(id) {
                questions.insert(id);
            } else {
                left.insert(id, doubt);
            }
        }
        (questions, left)
    }

    /// Counts a question about an order; false where it was asked about enough.
    pub fn may_ask(&mut self, id: OrderId) -> bool {
        let asked = self.questions.entry(id).or_default();
        let may = *asked < QUESTIONS;
        *asked += u32::from(may);
        may
    }

    /// What it came to.
    pub fn report(self, left: &Left, entries: Vec<OpeningEntry>, now: UtcNanos) -> Reconciliation {
        let settled = |mut difference: Difference| {
            difference.settled = !left.holds(&difference);
            difference
        };
        let differences: Vec<Difference> = self.found.into_values().map(settled).collect();
        let outcome = match (left.is_empty(), differences.is_empty()) {
            (true, true) => Ended::Agreed,
            (true, false) => Ended::Settled,
            (false, _) => Ended::Unsettled,
        };
        Reconciliation {
            number: 0,
            cause: self.cause,
            outcome,
            began: self.began,
            at: now,
            rounds: self.rounds,
            differences,
            left_out: self.left_out,
            entries,
            marks: Vec::new(),
            by: "merganser".to_owned(),
            why: String::new(),
        }
    }
}

/// What the venue did not say.
pub(super) fn not_learned(what: &str) -> Difference {
    let text = "could not be learned from the venue".to_owned();
    Difference { kind: DifferenceKind::Incomplete, subject: what.to_owned(), text, settled: false }
}

/// A fill that belongs to no order of ours.
pub(super) fn foreign_fill(fill: &VenueFill) -> Difference {
    let VenueFill { instrument, side, quantity, price, venue_order_id, .. } = fill;
    let text = format!("{instrument} {side} {quantity} at {price}, of order {venue_order_id}, which is not known here");
    Difference { kind: DifferenceKind::ForeignFill, subject: fill.execution_id.to_string(), text, settled: true }
}
