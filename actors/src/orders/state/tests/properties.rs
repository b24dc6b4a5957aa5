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
    let kind = prop_oneof![3 => plain.prop_map(str::to_owned), 2 => fill];
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
    intended: BTreeSet<ClientOrderId>,
    sent: BTreeSet<ClientOrderId>,
}

impl Audit {
    fn hear(&mut self, line: &str, orders: &Orders) {
        let ["venue", name, "fill", _, _, "of", cumulative, ..] = line.split_whitespace().collect::<Vec<_>>()[..]
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
        let (number, filled) = self.orders.entry(order.order_id).or_default();
        *number += 1;
        assert_eq!(event.number, *number, "events are numbered without gaps");
        let quantity = event.fill.as_ref().map_or(Quantity::ZERO, |f| f.quantity);
        *filled = filled.checked_add(quantity).unwrap();
        assert_eq!(order.filled, *filled, "an order is filled by its fills");
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
    let said = select(vec!["accepted", "canceled", "canceled", "rejected", "cancel_rejected", "expired", "triggered"]);
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
    for entry in bench.orders.entries.values() {
        heads.extend(entry.order.request.parent.map(|head| (head, Vec::new())));
    }
    for entry in bench.orders.entries.values() {
        if let Some(exits) = entry.order.request.parent.and_then(|head| heads.get_mut(&head)) {
            exits.push(&entry.order);
        }
    }
    for (head, others) in heads {
        let Some(head) = bench.orders.order(head) else { continue };
        let is_oco = others.iter().any(|o| o.request.contingency == Some(Contingency::Oco));
        let rivals = others.iter().copied().chain(is_oco.then_some(head));
        let there = rivals.filter(|o| o.status.is_open() && o.status != Status::Held).count();
        assert!(there <= 1, "{there} orders of one family at the venue");
        let is_over = head.status.is_terminal() && head.filled.is_zero() && !is_oco;
        let held = others.iter().filter(|o| o.status == Status::Held).count();
        assert!(!is_over || held == 0, "{held} orders wait for one that has ended without a fill");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    /// In whatever order things happen, and wherever it dies: no order leaves twice, none waits for what has ended, no two
    /// rivals are at the venue at once, and a start finds nothing left to be sent.
    #[test]
    fn orders_that_belong_together_stay_so(script in prop::collection::vec(line_with_ties(), 1..60)) {
        let (mut bench, mut audit) = (Bench::without_ties(), Audit::default());
        for line in &script {
            audit.hear(line, &bench.orders);
            let effects = bench.step(line);
            effects.iter().for_each(|effect| audit.take(effect));
            if let Some(("flatten", rest)) = line.split_once(' ') {
                let touched = effects.iter().all(|effect| match effect {
                    Effect::Update(update) => rest.starts_with(update.order.strategy.as_str()),
                    _ => true,
                });
                assert!(touched, "{line} changed an order of another strategy");
            }
            bench.check_restored();
            check_families(&bench);
            let mut again = bench.restored();
            let mut missed = Vec::new();
            again.on_restarted(Moment { now: bench.now, as_of: 0 }, &mut missed);
            let sends = missed.iter().filter(|e| matches!(e, Effect::Send(_, VenueRequest::Submit { .. }))).count();
            // What risk refuses is tried again by a start, and without one a little later.
            let is_refused = bench.orders.open_orders().any(|o| bench.orders.families.rests(o.order_id, UtcNanos::MIN));
            assert!(sends == 0 || is_refused, "a start sends what was not sent before: {missed:?}");
        }
    }

    #[test]
    fn whatever_is_said_every_order_stays_whole(script in prop::collection::vec(line(), 1..80)) {
        let (mut bench, mut audit) = (Bench::new(), Audit::default());
        for line in &script {
            audit.hear(line, &bench.orders);
            bench.step(line).iter().for_each(|effect| audit.take(effect));
            bench.check_restored();
        }
    }
}
