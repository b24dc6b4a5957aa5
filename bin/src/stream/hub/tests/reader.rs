//! A client as a careful program would write it: it keeps what each topic says, and notes every message that it should not
//! have got.

use serde_json::Value;

use super::*;

/// What a reader knows of one topic.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Known {
    pub seq: u64,
    /// By what its entries are known by.
    pub entries: BTreeMap<String, Value>,
    /// Numbers of trades and fills in the order in which they came.
    pub tape: Vec<String>,
    /// Order events since the first snapshot: order and number.
    pub events: Vec<(String, u64)>,
}

/// A reader.
pub struct Reader {
    pub id: ClientId,
    pub pipe: Pipe,
    pub topics: BTreeMap<String, Known>,
    pub errors: Vec<Value>,
}

impl Reader {
    pub fn new(id: ClientId) -> Self {
        Self { id, pipe: Pipe::default(), topics: BTreeMap::new(), errors: Vec::new() }
    }

    pub fn closed(&self) -> Option<Closing> {
        self.pipe.0.borrow().closed
    }

    pub fn waiting(&self) -> usize {
        self.pipe.0.borrow().waiting.len()
    }

    pub fn forget(&mut self, topic: &str) {
        self.topics.remove(topic);
    }

    pub fn read_all(&mut self) {
        self.read(usize::MAX);
    }

    /// Reads at most so many messages.
    pub fn read(&mut self, most: usize) {
        let messages: Vec<ByteString> = {
            let mut inner = self.pipe.0.borrow_mut();
            let count = inner.waiting.len().min(most);
            inner.waiting.drain(..count).collect()
        };
        messages.iter().for_each(|message| self.take(message));
    }

    fn take(&mut self, message: &str) {
        let message: Value = serde_json::from_str(message).unwrap();
        let kind = message["type"].as_str().unwrap();
        if kind == "error" {
            return self.errors.push(message);
        }
        let topic = message["topic"].as_str().unwrap();
        let seq = message["seq"].as_u64().unwrap();
        let before = self.topics.get(topic).map(|known| known.seq);
        let known = self.topics.entry(topic.to_owned()).or_default();
        match kind {
            "snapshot" => {
                known.entries.clear();
                known.tape.clear();
            }
            "update" => {
                let before = before.expect("a snapshot first");
                let is_next = seq == before + 1 || (seq > before && topic.starts_with("quotes/"));
                assert!(is_next, "{topic}: {seq} behind {before}");
            }
            other => panic!("a message of type {other}"),
        }
        known.seq = seq;
        for entry in message["data"].as_array().unwrap() {
            known.apply(topic, kind == "update", entry);
        }
    }
}

impl Known {
    fn apply(&mut self, topic: &str, is_update: bool, entry: &Value) {
        let text = |field: &str| entry[field].to_string();
        match topic.split('/').next().unwrap() {
            "orders" if is_update => {
                let order = &entry["order"];
                let id = order["order_id"].to_string();
                self.events.push((id.clone(), entry["number"].as_u64().unwrap()));
                if order["is_open"] == true {
                    self.entries.insert(id, order.clone());
                } else {
                    self.entries.remove(&id);
                }
            }
            "orders" => drop(self.entries.insert(text("order_id"), entry.clone())),
            "trades" => self.tape.push(text("tick_id")),
            "fills" => self.tape.push(text("trade_id")),
            "positions" => {
                let key = text("symbol");
                if entry["side"] == "flat" {
                    self.entries.remove(&key)
                } else {
                    self.entries.insert(key, entry.clone())
                };
            }
            "bars" => {
                // There is one open bar at most, and it is over when a later one is there.
                let is_open = |bar: &Value| bar["is_open"] == true;
                let stays = |bar: &Value| {
                    !is_open(bar) || (!is_open(entry) && bar["timestamp"].as_str() > entry["timestamp"].as_str())
                };
                self.entries.retain(|_, bar| stays(bar));
                self.entries.insert(text("timestamp"), entry.clone());
            }
            "strategies" => drop(self.entries.insert(text("name"), entry.clone())),
            _ => drop(self.entries.insert(String::new(), entry.clone())),
        }
    }
}
