//! What must hold whatever people, strategies and venues say, sense or nonsense. A failing case prints its
//! script, which can be put into a `check`.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::select;

use messages::orders::Contingency;

use super::*;

/// One line of a script.
fn line() -> impl Strategy<Value = String> {
    let by = || select(vec!["", "by b ", "by manual ", "by a/1 "]);
    let order = || 1..6u32;
    let name = (1..8u32, 0..4u32).prop_map(|(n, r)| if r == 0 { n.to_string() } else { format!("{n}-r{r}") });
    let side = select(vec!["buy", "sell"]);
    let plain = select(vec![
        "submitted",
        "accepted",
        "accepted",
        "rejected",
        "triggered",
        "canceled",
        "cancel_rejected",
        "replaced 15",
        "replaced 3 @ 99",
        "replace_rejected",
        "expired",
        "unknown",
    ]);
    let fill = (0..12u32, -1..15i32, 0..40u32).prop_map(|(key, q, of)| format!("fill x{key} {q} of {of}"));
    let bust = (0..12u32).prop_map(|key| format!("busted x{key}"));
    let correction = (0..12u32, 0..12u32, 1..15u32, 0..40u32)
        .prop_map(|(key, by, q, of)| format!("corrected x{key} by x{by} {q} of {of}"));
    let kind = prop_oneof![6 => plain.prop_map(str::to_owned), 4 => fill, 1 => bust, 1 => correction];
    let age = select(vec!["", "", "", " said 50s ago"]);
    let other = select(vec![
        "restart",
        "restart",
        "reconnect",
        "wait 4s",
        "wait 5s",
        "wait 70s",
        "trading HALTED",
        "trading REDUCING",
        "trading ACTIVE",
        "trading ACTIVE",
        "fault a 1 cancel",
        "fault b 1 leave",
        "limit all max_open_orders 2",
        "limit all max_open_orders settings",
        "limit account max_reject_percent 75",
        "limit account max_gross_exposure 1500",
        "reset rejects",
        "instrument halted",
        "instrument trading",
    ]);
    prop_oneof![
        4 => (by(), order(), side, 1..20u32).prop_map(|(by, n, side, q)| format!("{by}submit {n} {side} {q} @ 100")),
        2 => (by(), order()).prop_map(|(by, n)| format!("{by}cancel {n}")),
        1 => by().prop_map(|by| format!("{by}cancel all")),
        3 => (by(), order(), 1..25u32).prop_map(|(by, n, q)| format!("{by}replace {n} {q}")),
        12 => (name, kind, age).prop_map(|(name, kind, age)| format!("venue {name} {kind}{age}")),
        3 => other.prop_map(str::to_owned),
    ]
}

/// What is kept over all effects of a run.
#[derive(Default)]
struct Audit {
    /// The newest event's number and the sum of fills, by order.
    orders: BTreeMap<OrderId, (u32, Quantity)>,
    /// The most that any report said was filled.
    heard: BTreeMap<OrderId, Quantity>,
    /// What each execution of an order, or its undoing, came to.
    executions: BTreeMap<(OrderId, ExecutionId), Quantity>,
    /// The sums of fills, signed.
    held: BTreeMap<StrategyId, Quantity>,
    /// What is asked of each order that waited here.
    asked: BTreeMap<OrderId, Quantity>,
    intended: BTreeSet<ClientOrderId>,
    sent: BTreeSet<ClientOrderId>,
}

impl Audit {
    fn hear(&mut self, line: &str, orders: &Orders) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (["venue", name, "fill", _, _, "of", cumulative, ..]
        | ["venue", name, "corrected", _, "by", _, _, "of", cumulative, ..]) = words[..]
        else {
            return;
        };
        if let Some(id) = orders.by_client_id.get(&client_id(name)) {
            let heard = self.heard.entry(*id).or_default();
            *heard = (*heard).max(cumulative.parse().unwrap());
        }
    }

    fn take(&mut self, effect: &Effect) {
        match effect {
            Effect::Update(update) => self.update(update),
            Effect::Send(_, VenueRequest::Submit { client_order_id, .. }) => {
                assert!(self.intended.contains(client_order_id), "{client_order_id} leaves without its intent");
                assert!(self.sent.insert(*client_order_id), "{client_order_id} leaves twice");
            }
            _ => {}
        }
    }

    fn update(&mut self, update: &OrderUpdate) {
        let (event, order) = (&update.event, &update.order);
        if event.kind == EventKind::Intended {
            self.intended.insert(order.client_order_id);
        }
        // It never was at its venue: it may leave anew, with another intent.
        if event.kind == EventKind::Held {
            self.intended.remove(&order.client_order_id);
            self.sent.remove(&order.client_order_id);
        }
        if order.status == Status::Held {
            let asked = *self.asked.entry(order.order_id).or_insert(order.request.quantity);
            assert_eq!(order.request.quantity, asked, "what is held is for what was asked");
        }
        let (number, filled) = self.orders.entry(order.order_id).or_default();
        *number += 1;
        assert_eq!(event.number, *number, "events are numbered without gaps");
        let quantity = event.fill.as_ref().map_or(Quantity::ZERO, |f| f.quantity);
        if let Some(fill) = &event.fill {
            let again = self.executions.insert((order.order_id, fill.execution_id), quantity);
            assert_eq!(again, None, "{} counts twice", fill.execution_id);
            if let Some(undone) = fill.execution_id.undoes() {
                let undone = self.executions.get(&(order.order_id, undone)).copied().unwrap_or_default();
                assert_eq!(quantity, -undone, "what undoes a fill is its mirror");
            }
            let held = self.held.entry(order.strategy).or_default();
            *held = held.checked_add(order.request.side.signed(quantity)).unwrap();
        }
        *filled = filled.checked_add(quantity).unwrap();
        assert_eq!(order.filled, *filled, "an order is filled by its fills");
        assert!(!filled.is_negative(), "{filled} are filled");
        let heard = self.heard.get(&order.order_id).copied().unwrap_or_default();
        assert!(order.filled <= heard, "{} are filled and {heard} were ever reported", order.filled);
        assert_eq!(event.status, order.status);
    }
}

/// One line of a script at a venue that holds no order for another.
fn line_with_ties() -> impl Strategy<Value = String> {
    let by = || select(vec!["", "by b "]);
    let number = || select(vec![1u32, 4, 7]);
    let name = || 1..10u32;
    let price = select(vec![90u32, 94, 95, 97, 100, 103, 106, 110]);
    let ends = ["canceled", "canceled", "rejected", "not_taken", "expired"];
    let said = select([&["accepted", "cancel_rejected", "triggered"][..], &ends].concat());
    let fill = (0..20u32, 1..11i32, 1..11u32).prop_map(|(key, q, of)| format!("fill x{key} {q} of {of}"));
    let kind = prop_oneof![3 => said.prop_map(str::to_owned), 3 => fill];
    let other =
        select(vec!["restart", "restart", "reconnect", "wait 6s", "wait 70s", "trading HALTED", "trading ACTIVE"]);
    prop_oneof![
        4 => (by(), number()).prop_map(|(by, n)| format!("{by}bracket {n} buy 10 @ 100 profit 105 loss 95")),
        1 => (by(), number()).prop_map(|(by, n)| format!("{by}submit {n} buy 10 @ 100")),
        2 => (by(), name(), number(), select(vec!["oto", "oco"]), select(vec!["stop 95", "limit 105"]))
            .prop_map(|(by, n, of, how, terms)| format!("{by}exit {n} of {of} {how} sell 10 {terms}")),
        1 => (by(), name()).prop_map(|(by, n)| format!("{by}cancel {n}")),
        1 => (select(vec!["a", "b"]), 50..60u32).prop_map(|(name, id)| format!("flatten {name} {id}")),
        6 => price.prop_map(|price| format!("trade {price}")),
        14 => (name(), kind).prop_map(|(n, kind)| format!("venue {n} {kind}")),
        3 => other.prop_map(str::to_owned),
    ]
}

/// What holds of every family after every delivery.
fn check_families(bench: &Bench) {
    let mut heads = BTreeMap::<OrderId, Vec<&Order>>::new();
    for order in bench.orders.entries.values().map(|entry| &entry.order) {
        if let Some(head) = order.request.parent.filter(|_| order.status != Status::Denied) {
            heads.entry(head).or_default().push(order);
        }
    }
    for (head, others) in heads {
        let Some(entry) = bench.orders.entries.get(&head) else { continue };
        let head = &entry.order;
        let is_oco = others.iter().any(|o| o.request.contingency == Some(Contingency::Oco));
        let alike = others.windows(2).all(|pair| pair[0].request.contingency == pair[1].request.contingency);
        assert!(alike, "all of one parent are tied alike");
        let strangers = others.iter().filter(|o| o.strategy != head.strategy).count();
        assert_eq!(strangers, 0, "a family is of one strategy");
        let rivals = others.iter().copied().chain(is_oco.then_some(head));
        let there = rivals.filter(|o| o.status.is_open() && o.status != Status::Held).count();
        assert!(there <= 1, "{there} orders of one family at the venue");
        // A family waits while the venue counts more of any of it than was told.
        let mut entries = others.iter().filter_map(|o| bench.orders.entries.get(&o.order_id)).chain([entry]);
        let misses = entries.any(Entry::misses_fills);
        let is_over = head.status.is_terminal() && head.filled.is_zero() && !misses && !is_oco;
        let held = others.iter().filter(|o| o.status == Status::Held).count();
        assert!(!is_over || held == 0, "{held} orders wait for one that has ended without a fill");
    }
}

/// Who alone may be touched by a line: the strategy that asks for something, while no timer is due for anybody's family.
fn only(line: &str, bench: &Bench) -> Option<StrategyId> {
    let delivered_at = bench.now.after(Duration::from_secs(1));
    if bench.orders.families.due().is_some_and(|due| due <= delivered_at) {
        return None;
    }
    match line.split_whitespace().collect::<Vec<_>>()[..] {
        ["by", name, ..] | ["flatten", name, _] => Some(name.parse().unwrap()),
        ["bracket" | "submit" | "exit" | "cancel", ..] => Some("a".parse().unwrap()),
        _ => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// In whatever order things happen, and wherever it dies: no order leaves twice, none waits for what has ended, no two
    /// rivals are at the venue at once, no strategy touches another's orders, and a start finds nothing left to be sent.
    #[test]
    fn orders_that_belong_together_stay_so(script in prop::collection::vec(line_with_ties(), 1..60)) {
        let (mut bench, mut audit) = (Bench::without_ties(), Audit::default());
        for line in &script {
            audit.hear(line, &bench.orders);
            let only = only(line, &bench);
            for effect in bench.step(line) {
                audit.take(&effect);
                if let (Effect::Update(update), Some(only)) = (&effect, only) {
                    assert_eq!(update.order.strategy, only, "{line} changed an order of another strategy");
                }
            }
            bench.check_restored();
            check_families(&bench);
            let mut again = bench.restored();
            let mut missed = Vec::new();
            again.on_restarted(Moment { now: bench.now, as_of: 0 }, &mut missed);
            let sends = missed.iter().filter(|e| matches!(e, Effect::Send(_, VenueRequest::Submit { .. }))).count();
            // What risk refuses is tried again by a start, and without one a little later.
            let is_refused = bench.orders.open_orders().any(|o| bench.orders.families.rests(o.order_id, UtcNanos::MIN));
            // The count of a fill that was refused is in no record: a start asks anew, and does not wait for it.
            let is_waiting = bench.orders.entries.values().any(Entry::misses_fills);
            assert!(sends == 0 || is_refused || is_waiting, "a start sends what was not sent before: {missed:?}");
        }
    }

    #[test]
    fn whatever_is_said_every_order_stays_whole(script in prop::collection::vec(line(), 1..80)) {
        let (mut bench, mut audit) = (Bench::new(), Audit::default());
        for line in &script {
            audit.hear(line, &bench.orders);
            bench.step(line).iter().for_each(|effect| audit.take(effect));
            bench.check_restored();
            for (strategy, held) in &audit.held {
                assert_eq!(bench.orders.book.own(*strategy, instrument()).position, *held, "what {strategy} holds");
            }
        }
    }

    /// Told in any order, with a restart anywhere, and then as the venue answers: here is what is there.
    #[test]
    fn however_a_story_is_told_its_end_is_the_venues((story, told) in telling()) {
        let Story { lines, filled, most } = story;
        let mut bench = Bench::new();
        bench.step(&format!("submit 1 buy {} @ 100", most + 1));
        bench.step("venue 1 accepted");
        let mut alerts = BTreeMap::<&String, usize>::new();
        for line in told.iter().chain(&lines).chain(&lines) {
            let said = bench.step(line);
            bench.check_restored();
            let told = said.iter().filter(|effect| matches!(effect, Effect::Alert(_))).count();
            *alerts.entry(line).or_default() += told;
        }
        let order = bench.orders.order(order_id(1)).unwrap();
        prop_assert_eq!((order.status, order.filled.to_string()), (Status::Canceled, filled.to_string()));
        prop_assert_eq!(bench.orders.book.own(order.strategy, instrument()).position, order.filled);
        // Refused before the restart and behind it; taken at last, it may say that others are missing, or that there are too many,
        // and of a correction it is told that something was undone.
        prop_assert!(alerts.values().all(|told| *told <= 5), "{:?}", alerts);
    }

    /// What the venue counts wrongly is refused, told once, and taken as soon as it is counted right; what it tells again under
    /// another key is never taken.
    #[test]
    fn a_refused_fill_is_told_once_and_taken_when_it_fits((quantities, told) in fills_told_twice()) {
        let mut bench = Bench::new();
        let total: u32 = quantities.iter().sum();
        bench.step(&format!("submit 1 buy {total} @ 100"));
        let mut alerts = BTreeMap::<String, usize>::new();
        let mut say = |line: String| {
            let said = bench.step(&line);
            *alerts.entry(line).or_default() += said.iter().filter(|e| matches!(e, Effect::Alert(_))).count();
            bench.check_restored();
            bench.orders.order(order_id(1)).unwrap().filled
        };
        let uncounted = |(key, q): (usize, &u32)| format!("venue 1 fill x{key} {q} of 0");
        for line in quantities.iter().enumerate().map(uncounted) {
            prop_assert_eq!((say(line.clone()), say(line)), (Quantity::ZERO, Quantity::ZERO));
        }
        let counted = |key: usize| quantities[..=key].iter().sum::<u32>();
        for key in told {
            say(format!("venue 1 fill x{key} {} of {}", quantities[key], counted(key)));
            say(format!("venue 1 fill x{key} {} of 0", quantities[key]));
        }
        let whole: Quantity = total.to_string().parse().unwrap();
        for (key, quantity) in quantities.iter().enumerate() {
            let again = format!("venue 1 fill y{key} {quantity} of {}", counted(key));
            prop_assert_eq!((say(again.clone()), say(again)), (whole, whole));
        }
        prop_assert!(alerts.values().all(|told| *told <= 1), "{:?}", alerts);
    }
}

/// What a venue did with one order, as it tells it: what is filled of it in the end, and the most that ever was.
#[derive(Debug, Clone)]
struct Story {
    lines: Vec<String>,
    filled: u32,
    most: u32,
}

fn story() -> impl Strategy<Value = Story> {
    let step = prop_oneof![
        5 => (1..4u32).prop_map(|q| (q, 0, 0)),
        1 => any::<u32>().prop_map(|of| (0, of, 0)),
        1 => (any::<u32>(), 1..4u32).prop_map(|(of, q)| (0, of, q)),
    ];
    prop::collection::vec(step, 1..9).prop_map(|steps| {
        let (mut lines, mut standing) = (Vec::new(), Vec::<(usize, u32)>::new());
        let (mut filled, mut most) = (0, 0);
        for (n, (quantity, of, corrected)) in steps.into_iter().enumerate() {
            if quantity > 0 {
                filled += quantity;
                standing.push((n, quantity));
                lines.push(format!("venue 1 fill x{n} {quantity} of {filled}"));
            } else if !standing.is_empty() {
                let (undone, less) = standing.remove(of as usize % standing.len());
                filled = filled - less + corrected;
                lines.push(match corrected {
                    0 => format!("venue 1 busted x{undone}"),
                    _ => format!("venue 1 corrected x{undone} by x{n} {corrected} of {filled}"),
                });
                standing.extend((corrected > 0).then_some((n, corrected)));
            }
            most = most.max(filled);
        }
        lines.push("venue 1 canceled".to_owned());
        Story { lines, filled, most }
    })
}

/// A story, and a telling of it: in any order, with repetitions and with a restart anywhere.
fn telling() -> impl Strategy<Value = (Story, Vec<String>)> {
    (story(), prop::collection::vec(any::<prop::sample::Index>(), 0..6)).prop_flat_map(|(story, again)| {
        let lines = &story.lines;
        let repeated = again.iter().map(|index| index.get(lines).clone());
        let told: Vec<String> = lines.iter().cloned().chain(repeated).chain(["restart".to_owned()]).collect();
        (Just(story), Just(told).prop_shuffle())
    })
}

/// The fills of one order, and an order in which each of them is told twice.
fn fills_told_twice() -> impl Strategy<Value = (Vec<u32>, Vec<usize>)> {
    prop::collection::vec(1..5u32, 1..6).prop_flat_map(|quantities| {
        let twice: Vec<usize> = (0..quantities.len()).chain(0..quantities.len()).collect();
        (Just(quantities), Just(twice).prop_shuffle())
    })
}
