//! What is asked by REST, in turn and within the venue's weight. Hears questions, answers and the venue's own count;
//! says which question may go now.
//!
//! Invariant: in any minute the weights of what was asked stay within the limit, and after a refusal nothing is asked
//! before the venue allows it.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use messages::{Symbol, UtcNanos};

use super::limits::{REQUEST_SPACING, REQUESTS_AT_ONCE};
use super::trade_ids::Page;
use crate::feeds::session::RequestId;

/// The stretch in which the venue counts weights.
const MINUTE: Duration = Duration::from_secs(60);

/// A question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// The book of a symbol.
    Book(Symbol),
    /// Trades that are missing.
    Trades(Symbol, Page),
    /// Trades behind this one, if there were any; the newest one where none is known.
    Newer(Symbol, Option<i64>),
}

impl Question {
    /// Of which symbol.
    pub fn symbol(self) -> Symbol {
        match self {
            Self::Book(symbol) | Self::Trades(symbol, _) | Self::Newer(symbol, _) => symbol,
        }
    }
}

/// A question that was asked or is to be.
#[derive(Debug, Clone, Copy)]
struct Asked {
    id: RequestId,
    question: Question,
    weight: u32,
}

/// The questions and the budget.
#[derive(Debug)]
pub struct Requests {
    per_minute: u32,
    queue: VecDeque<Asked>,
    under_way: BTreeMap<RequestId, Asked>,
    spent: VecDeque<(UtcNanos, u32)>,
    not_before: UtcNanos,
    last_id: u64,
}

impl Requests {
    /// Nothing asked.
    pub fn new(per_minute: u32) -> Self {
        Self {
            per_minute,
            queue: VecDeque::new(),
            under_way: BTreeMap::new(),
            spent: VecDeque::new(),
            not_before: UtcNanos::MIN,
            last_id: 0,
        }
    }

    /// Puts a question in the queue.
    pub fn push(&mut self, question: Question, weight: u32) -> RequestId {
        self.last_id += 1;
        let id = RequestId(self.last_id);
        self.queue.push_back(Asked { id, question, weight });
        id
    }

    /// The next question, if it may be asked now.
    pub fn next_question(&mut self, now: UtcNanos) -> Option<(RequestId, Question)> {
        if self.due().is_none_or(|due| due > now) {
            return None;
        }
        let asked = self.queue.pop_front()?;
        self.forget_spent(now);
        self.spent.push_back((now, asked.weight));
        self.not_before = self.not_before.max(now.after(REQUEST_SPACING));
        self.under_way.insert(asked.id, asked);
        Some((asked.id, asked.question))
    }

    /// When the next question may be asked; `None` while none waits or too many are under way.
    pub fn due(&self) -> Option<UtcNanos> {
        let next = self.queue.front().filter(|_| self.under_way.len() < REQUESTS_AT_ONCE)?;
        Some(self.not_before.max(self.affordable_at(next.weight)))
    }

    /// When so much of what was spent is a minute ago that the weight fits in. One that never fits goes alone.
    fn affordable_at(&self, weight: u32) -> UtcNanos {
        let mut used: u32 = self.spent.iter().map(|(_, weight)| weight).sum();
        let mut at = UtcNanos::MIN;
        for (spent_at, spent) in &self.spent {
            if used.saturating_add(weight) <= self.per_minute {
                break;
            }
            used -= spent;
            at = spent_at.after(MINUTE);
        }
        at
    }

    fn forget_spent(&mut self, now: UtcNanos) {
        while self.spent.front().is_some_and(|(at, _)| at.after(MINUTE) <= now) {
            self.spent.pop_front();
        }
    }

    /// An answer came, or will not come. `None` for one that nobody waits for.
    pub fn answered(&mut self, id: RequestId) -> Option<Question> {
        self.under_way.remove(&id).map(|asked| asked.question)
    }

    /// The venue has not looked at the question: it is asked again, as the first.
    pub fn again(&mut self, id: RequestId) -> Option<Question> {
        let asked = self.under_way.remove(&id)?;
        self.queue.push_front(asked);
        Some(asked.question)
    }

    /// Nothing is asked until then.
    pub fn wait_until(&mut self, until: UtcNanos) {
        self.not_before = self.not_before.max(until);
    }

    /// The venue has counted this much in its running minute, whoever asked.
    pub fn used(&mut self, weight: u32, now: UtcNanos) {
        if weight >= self.per_minute {
            self.wait_until(now.floor_to(MINUTE).after(MINUTE + Duration::from_secs(1)));
        }
    }

    /// Forgets the questions of a symbol; their answers are for nobody.
    pub fn forget(&mut self, symbol: Symbol) {
        self.queue.retain(|asked| asked.question.symbol() != symbol);
        self.under_way.retain(|_, asked| asked.question.symbol() != symbol);
    }

    /// Forgets the question for the book of a symbol.
    pub fn forget_book(&mut self, symbol: Symbol) {
        self.queue.retain(|asked| asked.question != Question::Book(symbol));
        self.under_way.retain(|_, asked| asked.question != Question::Book(symbol));
    }

    /// Forgets the question whether a symbol had newer trades. True when there was one.
    pub fn forget_newer(&mut self, symbol: Symbol) -> bool {
        let before = self.queue.len() + self.under_way.len();
        let is_other = |asked: &Asked| !matches!(asked.question, Question::Newer(of, _) if of == symbol);
        self.queue.retain(is_other);
        self.under_way.retain(|_, asked| is_other(asked));
        self.queue.len() + self.under_way.len() < before
    }

    /// Forgets all questions.
    pub fn forget_all(&mut self) {
        self.queue.clear();
        self.under_way.clear();
    }
}
