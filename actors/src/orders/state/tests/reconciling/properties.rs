//! Whatever was lost between the two.

use proptest::prelude::*;

use super::pair::Venue;
use super::*;

/// What may happen between two reconciliations.
#[derive(Debug, Clone)]
enum Step {
    /// An order; whether it arrives, and whether its answer does.
    Submit(bool, u32, bool, bool),
    /// A fill of an order; whether it is heard of.
    Fill(usize, u32, bool),
    /// Somebody cancels an order at the venue; whether that is heard of.
    End(usize, bool),
    /// Money comes, or goes.
    Money(i64),
    /// Somebody trades by hand.
    Hand(bool, u32),
    /// An order is canceled, and a fill of it is in no list yet when the connection comes back; whether the list says that it
    /// lacks something.
    ListedLate(u32, bool),
    Connect,
    Wait(u32),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (any::<bool>(), 1..9u32, prop::bool::weighted(0.8), any::<bool>()).prop_map(|(a, b, c, d)| Step::Submit(a, b, c, d)),
        6 => (0..9usize, 1..6u32, any::<bool>()).prop_map(|(a, b, c)| Step::Fill(a, b, c)),
        2 => (0..9usize, any::<bool>()).prop_map(|(a, b)| Step::End(a, b)),
        1 => (-500..500i64).prop_map(Step::Money),
        1 => (any::<bool>(), 1..5u32).prop_map(|(a, b)| Step::Hand(a, b)),
        1 => (1..6u32, any::<bool>()).prop_map(|(a, b)| Step::ListedLate(a, b)),
        1 => Just(Step::Connect),
        1 => (1..9u32).prop_map(Step::Wait),
    ]
}

impl Pair {
    fn does(&mut self, step: Step) {
        let now = self.bench.now;
        let pick = |venue: &Venue, n: usize| venue.orders.keys().nth(n % venue.orders.len().max(1)).copied();
        match step {
            Step::Submit(is_buy, quantity, arrives, is_heard) => {
                let effects = self.submit(if is_buy { "buy" } else { "sell" }, quantity);
                for effect in effects {
                    let Effect::Send(_, request) = effect else { continue };
                    if arrives {
                        let answers = self.venue.answer(&request);
                        answers.into_iter().filter(|_| is_heard).for_each(|(name, kind)| drop(self.report(name, kind)));
                    }
                }
            }
            Step::Fill(n, quantity, is_heard) => {
                let Some(name) = pick(&self.venue, n) else { return };
                if let Some(kind) = self.venue.trade(name, i128::from(quantity), now).filter(|_| is_heard) {
                    let effects = self.report(name, kind);
                    // It may ask what it has missed.
                    self.exchange(effects);
                }
            }
            Step::End(n, is_heard) => {
                let Some(name) = pick(&self.venue, n) else { return };
                let there = self.venue.orders.get_mut(&name).unwrap();
                if there.end.is_none() && there.filled() < there.request.quantity {
                    there.end = Some(ReportKind::Canceled);
                    if is_heard {
                        self.report(name, ReportKind::Canceled);
                    }
                }
            }
            Step::Money(amount) => {
                let amount = Cash::from_raw(i128::from(amount) * Cash::ONE.raw()).unwrap();
                self.venue.cash = self.venue.cash.checked_add(amount).unwrap();
            }
            Step::Hand(is_buy, quantity) => {
                let quantity = Quantity::from_raw(i128::from(quantity) * Quantity::ONE.raw()).unwrap();
                self.venue.move_by(if is_buy { Side::Buy } else { Side::Sell }, quantity);
            }
            Step::ListedLate(quantity, is_said) => {
                let name = self.place("buy", 6);
                let now = self.bench.now;
                let lost = self.venue.trade(name, i128::from(quantity), now);
                self.cancel();
                self.venue.unlisted = lost.map(|_| name);
                self.venue.missing.extend(is_said.then(|| "fills: only the newest can be listed".to_owned()));
                self.connect();
                self.wait(3);
                self.venue.unlisted = None;
                self.venue.missing.clear();
            }
            Step::Connect => self.connect(),
            Step::Wait(seconds) => self.wait(seconds),
        }
        self.bench.check_restored();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever was lost: after a reconciliation both books are the same, and the next finds nothing.
    #[test]
    fn books_agree_after_it_and_the_next_finds_nothing(steps in prop::collection::vec(step(), 1..60)) {
        let mut pair = began();
        steps.into_iter().for_each(|step| pair.does(step));
        pair.connect();
        // Orders that never arrived end in their own time.
        pair.wait(130);
        prop_assert_eq!(pair.waits(), None, "{:?}", pair.last());
        pair.check_agreed();
        pair.ask(begin()).unwrap();
        pair.wait(3);
        let last = pair.last();
        prop_assert_eq!((last.outcome, last.differences.len()), (Ended::Agreed, 0), "{}", last.words());
    }
}
