//! Who hears of what happens: every subscription of the account, in the order of the events.

use std::collections::BTreeMap;

use messages::UtcNanos;
use serde_json::{Value, json};

use super::super::exchange::What;
use super::super::face::{Frame, Said};
use super::{BinanceVenue, events};

impl BinanceVenue {
    /// Turns what happened at the exchange into messages for those who listen.
    pub(super) fn tell(&mut self) {
        let events = self.exchange.events();
        let mut done = BTreeMap::new();
        for event in &events {
            if let What::Fill(fill) = &event.what
                && fill.quantity == event.order.filled
            {
                self.limits.traded();
            }
            if let Some(list) = event.order.list {
                if self.lists_told.insert(list, false).is_none() {
                    self.tell_list(list, false, event.at);
                }
                done.insert(list, event.at);
            }
            let extras = self.extras_of(event.order.id);
            for (point, message) in events::messages(event, &extras, self.first) {
                self.say_to_listeners(&event.order.account, &format!("event:{point}"), &message);
            }
        }
        for (list, at) in done {
            let over = self.exchange.lists[&list].orders().all(|id| !self.exchange.orders[&id].lives());
            if over && self.lists_told.insert(list, true) == Some(false) {
                self.tell_list(list, true, at);
            }
        }
    }

    fn tell_list(&mut self, list: u64, done: bool, at: UtcNanos) {
        let list = self.exchange.lists[&list].clone();
        let orders: Vec<_> = list.orders().map(|id| (id, self.exchange.orders[&id].client_id.clone())).collect();
        let symbol = orders.first().map(|(id, _)| self.exchange.orders[id].terms.symbol.clone()).unwrap_or_default();
        let message = events::list_status(&list, &symbol, &orders, done, at);
        self.say_to_listeners(&list.account, "event:listStatus", &message);
    }

    fn say_to_listeners(&mut self, account: &str, point: &str, event: &Value) {
        for (link, state) in &self.links {
            for (subscription, _) in state.subscriptions.iter().filter(|(_, whose)| *whose == account) {
                let text = json!({"subscriptionId": subscription, "event": event}).to_string();
                self.said.push(Said { link: *link, point: point.to_owned(), frame: Frame::Text(text) });
            }
        }
    }
}
